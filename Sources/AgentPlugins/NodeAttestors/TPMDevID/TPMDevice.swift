import CTPM
import Glibc

/// One open TPM, and the commands that an attestation needs of it. Owns the connection and the memory of tpm2-tss.
///
/// Each call blocks until the TPM has answered, for the channel's patience at most; ``TPMSession`` makes them, on one
/// thread at a time, away from the cooperative pool. Keys and sessions are the caller's to ``flush(_:)``.
final class TPMDevice {
  /// How the TPM is spoken with.
  struct Manner: Sendable {
    /// For one command.
    var patience: Duration = .seconds(120)
    /// Between two attempts of a command that the TPM was not able to begin.
    var pause: Duration = .milliseconds(500)
    var attempts = 10
  }

  /// Permanent handles (TPM 2.0 Part 2 §7.4).
  enum Hierarchy: UInt32 {
    case owner = 0x4000_0001
    case endorsement = 0x4000_000B
  }

  /// What opens a key for one command.
  enum Authorization {
    case password([UInt8])
    case policy(session: UInt32)
  }

  /// The TPM's word about a digest that it made.
  typealias Ticket = TPMT_TK_HASHCHECK

  private let library: TPMLibrary
  private let channel: TPMChannel
  private let transmission: TPMTransmission
  private let memory: UnsafeMutableRawPointer
  private let manner: Manner
  private let isCancelled: @Sendable () -> Bool

  private var call: CTPMFunctions { library.call }
  private var context: OpaquePointer { OpaquePointer(memory) }
  private static let null: UInt32 = 0x4000_0007

  /// - Parameter isCancelled: asked before each command but ``flush(_:)``.
  init(
    _ path: String, library: TPMLibrary, manner: Manner, isCancelled: @escaping @Sendable () -> Bool
  ) throws(TPMFault) {
    self.library = library
    self.manner = manner
    self.isCancelled = isCancelled
    channel = try TPMChannel(path, patience: manner.patience)
    transmission = TPMTransmission(channel)
    let size = library.call.Tss2_Sys_GetContextSize(TPMChannel.maximumSize)
    memory = .allocate(byteCount: size, alignment: 16)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    var version = TSS2_ABI_VERSION(tssCreator: 1, tssFamily: 2, tssLevel: 1, tssVersion: 108)
    let code = library.call.Tss2_Sys_Initialize(OpaquePointer(memory), size, transmission.context, &version)
    guard code == 0 else { throw TPMFault(code: code, words: library.words(for: code)) }
    // Only TPM 2.0 knows the command.
    do { _ = try property(0x105) } catch {
      if isCancelled() { throw error }
      throw channel.failure ?? TPMFault("open [\(path)]: device is not a TPM 2.0 (\(error))")
    }
  }

  deinit {
    call.Tss2_Sys_Finalize(context)
    memory.deallocate()
    transmission.free()
  }

  /// Whether the TPM can be reached no more.
  var isGone: Bool { channel.failure != nil }

  private func run(isLast: Bool = false, _ command: () -> UInt32) throws(TPMFault) {
    for attempt in 1... {
      if !isLast, isCancelled() { throw TPMFault("the agent is stopping") }
      let code = command()
      if code == 0 { return }
      if let failure = channel.failure { throw failure }
      guard TPMFault.asksToRetry(code), attempt < manner.attempts else {
        throw TPMFault(code: code, words: library.words(for: code))
      }
      let pause = manner.pause.components
      var time = timespec(tv_sec: Int(pause.seconds), tv_nsec: Int(pause.attoseconds / 1_000_000_000))
      nanosleep(&time, nil)
    }
  }

  // MARK: Properties and NV storage

  private func property(_ number: UInt32) throws(TPMFault) -> UInt32 {
    var data = TPMS_CAPABILITY_DATA()
    var more: UInt8 = 0
    // TPM_CAP_TPM_PROPERTIES
    try run { call.Tss2_Sys_GetCapability(context, nil, 6, number, 1, &more, &data, nil) }
    guard data.data.tpmProperties.count == 1, data.data.tpmProperties.tpmProperty.0.property == number else {
      throw TPMFault("the TPM does not say its property 0x\(String(number, radix: 16))")
    }
    return data.data.tpmProperties.tpmProperty.0.value
  }

  /// All bytes of an NV index that may be read without a password.
  func readNV(_ index: UInt32) throws(TPMFault) -> [UInt8] {
    var area = TPM2B_NV_PUBLIC()
    var name = TPM2B_NAME()
    do {
      try run { call.Tss2_Sys_NV_ReadPublic(context, index, nil, &area, &name, nil) }
    } catch {
      throw error.after("decoding NV_ReadPublic response: ")
    }
    let size = Int(area.nvPublic.dataSize)
    // TPM_PT_NV_BUFFER_MAX
    let piece = min(Int(try property(0x12C)), MemoryLayout<TPM2B_MAX_NV_BUFFER>.size - 2)
    guard piece > 0 else { throw TPMFault("could not determine NVRAM read/write buffer size") }
    var bytes: [UInt8] = []
    while bytes.count < size {
      let (count, offset) = (UInt16(min(piece, size - bytes.count)), UInt16(bytes.count))
      var authorizations = try Self.authorizations([.password([])])
      var answers = TSS2L_SYS_AUTH_RESPONSE()
      var data = TPM2B_MAX_NV_BUFFER()
      do {
        try run {
          call.Tss2_Sys_NV_Read(context, index, index, &authorizations, count, offset, &data, &answers)
        }
      } catch {
        throw error.after("running NV_Read command (cursor=\(offset),size=\(count)): ")
      }
      guard data.size == count else {
        throw TPMFault("running NV_Read command: \(data.size) bytes instead of \(count)")
      }
      bytes += Self.bytes(of: data)
    }
    return bytes
  }

  // MARK: Keys

  /// Makes the key that a hierarchy has for a template; the same each time.
  func createPrimary(
    _ hierarchy: Hierarchy, password: [UInt8], keyPassword: [UInt8], template: [UInt8]
  ) throws(TPMFault) -> (handle: UInt32, area: [UInt8]) {
    var authorizations = try Self.authorizations([.password(password)])
    var answers = TSS2L_SYS_AUTH_RESPONSE()
    var sensitive = TPM2B_SENSITIVE_CREATE()
    sensitive.sensitive.userAuth = try Self.sized(keyPassword, TPM2B_AUTH(), "the password")
    var area = try publicArea(template)
    var (outside, registers) = (TPM2B_DATA(), TPML_PCR_SELECTION())
    var handle: UInt32 = 0
    var made = TPM2B_PUBLIC()
    var (creation, hash, ticket, name) = (TPM2B_CREATION_DATA(), TPM2B_DIGEST(), TPMT_TK_CREATION(), TPM2B_NAME())
    try run {
      call.Tss2_Sys_CreatePrimary(
        context, hierarchy.rawValue, &authorizations, &sensitive, &area, &outside, &registers, &handle, &made,
        &creation,
        &hash, &ticket, &name, &answers)
    }
    return (handle, try encoded(made.publicArea, call.Tss2_MU_TPMT_PUBLIC_Marshal))
  }

  /// Makes a new key under `parent`; both halves as ``load(_:area:parent:password:)`` takes them.
  func create(
    _ template: [UInt8], password: [UInt8], parent: UInt32, parentPassword: [UInt8]
  ) throws(TPMFault) -> (sealed: [UInt8], area: [UInt8]) {
    var authorizations = try Self.authorizations([.password(parentPassword)])
    var answers = TSS2L_SYS_AUTH_RESPONSE()
    var sensitive = TPM2B_SENSITIVE_CREATE()
    sensitive.sensitive.userAuth = try Self.sized(password, TPM2B_AUTH(), "the password")
    var area = try publicArea(template)
    var (outside, registers) = (TPM2B_DATA(), TPML_PCR_SELECTION())
    var (sealed, made) = (TPM2B_PRIVATE(), TPM2B_PUBLIC())
    var (creation, hash, ticket) = (TPM2B_CREATION_DATA(), TPM2B_DIGEST(), TPMT_TK_CREATION())
    try run {
      call.Tss2_Sys_Create(
        context, parent, &authorizations, &sensitive, &area, &outside, &registers, &sealed, &made, &creation, &hash,
        &ticket, &answers)
    }
    return (Self.bytes(of: sealed), try encoded(made.publicArea, call.Tss2_MU_TPMT_PUBLIC_Marshal))
  }

  func load(_ sealed: [UInt8], area: [UInt8], parent: UInt32, password: [UInt8]) throws(TPMFault) -> UInt32 {
    var authorizations = try Self.authorizations([.password(password)])
    var answers = TSS2L_SYS_AUTH_RESPONSE()
    var sealed = try Self.sized(sealed, TPM2B_PRIVATE(), "the private key blob")
    var area = try publicArea(area)
    var (handle, name) = (UInt32(0), TPM2B_NAME())
    try run { call.Tss2_Sys_Load(context, parent, &authorizations, &sealed, &area, &handle, &name, &answers) }
    return handle
  }

  /// Removes a key or a session from the TPM.
  func flush(_ handle: UInt32) throws(TPMFault) {
    try run(isLast: true) { call.Tss2_Sys_FlushContext(context, handle) }
  }

  // MARK: Proofs

  /// What the TPM says of the key `object` (TPMS_ATTEST), and the signature of the key `signer` (TPMT_SIGNATURE).
  func certify(
    _ object: UInt32, password: [UInt8], signer: UInt32, signerPassword: [UInt8]
  ) throws(TPMFault) -> (attestation: [UInt8], signature: [UInt8]) {
    var authorizations = try Self.authorizations([.password(password), .password(signerPassword)])
    var answers = TSS2L_SYS_AUTH_RESPONSE()
    var (data, scheme) = (TPM2B_DATA(), Self.schemeOfKey)
    var (attestation, signature) = (TPM2B_ATTEST(), TPMT_SIGNATURE())
    try run {
      call.Tss2_Sys_Certify(
        context, object, signer, &authorizations, &data, &scheme, &attestation, &signature, &answers)
    }
    return (Self.bytes(of: attestation), try encoded(signature, call.Tss2_MU_TPMT_SIGNATURE_Marshal))
  }

  /// The digest of `message`, and the TPM's word that it is of nothing that looks like its own statements: without it, a
  /// restricted key signs nothing.
  func hash(_ message: [UInt8], _ algorithm: UInt16) throws(TPMFault) -> (digest: [UInt8], ticket: Ticket) {
    var message = try Self.sized(message, TPM2B_MAX_BUFFER(), "the message")
    var (digest, ticket) = (TPM2B_DIGEST(), TPMT_TK_HASHCHECK())
    try run {
      call.Tss2_Sys_Hash(context, nil, &message, algorithm, Hierarchy.owner.rawValue, &digest, &ticket, nil)
    }
    return (Self.bytes(of: digest), ticket)
  }

  /// A signature in the key's own scheme (TPMT_SIGNATURE).
  func sign(
    _ digest: [UInt8], ticket: Ticket, key: UInt32, password: [UInt8]
  ) throws(TPMFault) -> [UInt8] {
    var authorizations = try Self.authorizations([.password(password)])
    var answers = TSS2L_SYS_AUTH_RESPONSE()
    var digest = try Self.sized(digest, TPM2B_DIGEST(), "the digest")
    var (scheme, ticket, signature) = (Self.schemeOfKey, ticket, TPMT_SIGNATURE())
    try run {
      call.Tss2_Sys_Sign(context, key, &authorizations, &digest, &scheme, &ticket, &signature, &answers)
    }
    return try encoded(signature, call.Tss2_MU_TPMT_SIGNATURE_Marshal)
  }

  /// A session in which PolicySecret showed the password of `hierarchy`.
  func startPolicySession(_ hierarchy: Hierarchy, password: [UInt8]) throws(TPMFault) -> UInt32 {
    var nonce = try Self.sized([UInt8](repeating: 0, count: 16), TPM2B_NONCE(), "the nonce")
    var (salt, symmetric) = (TPM2B_ENCRYPTED_SECRET(), TPMT_SYM_DEF())
    symmetric.algorithm = Self.noAlgorithm
    var (session, answer) = (UInt32(0), TPM2B_NONCE())
    try run {
      // TPM_SE_POLICY, SHA-256
      call.Tss2_Sys_StartAuthSession(
        context, Self.null, Self.null, nil, &nonce, &salt, 1, &symmetric, 0x000B, &session, &answer, nil)
    }
    do {
      var authorizations = try Self.authorizations([.password(password)])
      var answers = TSS2L_SYS_AUTH_RESPONSE()
      var (none, digest, reference) = (TPM2B_NONCE(), TPM2B_DIGEST(), TPM2B_NONCE())
      var (timeout, ticket) = (TPM2B_TIMEOUT(), TPMT_TK_AUTH())
      try run {
        call.Tss2_Sys_PolicySecret(
          context, hierarchy.rawValue, session, &authorizations, &none, &digest, &reference, 0, &timeout, &ticket,
          &answers)
      }
    } catch {
      try? flush(session)
      throw error
    }
    return session
  }

  /// What a credential holds, if it was made for both keys.
  func activate(
    _ object: [UInt8], secret: [UInt8], key: UInt32, keyPassword: [UInt8], endorsementKey: UInt32, session: UInt32
  ) throws(TPMFault) -> [UInt8] {
    var authorizations = try Self.authorizations([.password(keyPassword), .policy(session: session)])
    var answers = TSS2L_SYS_AUTH_RESPONSE()
    var object = try Self.sized(object, TPM2B_ID_OBJECT(), "the credential")
    var secret = try Self.sized(secret, TPM2B_ENCRYPTED_SECRET(), "the secret of the credential")
    var content = TPM2B_DIGEST()
    try run {
      call.Tss2_Sys_ActivateCredential(
        context, key, endorsementKey, &authorizations, &object, &secret, &content, &answers)
    }
    return Self.bytes(of: content)
  }

  // MARK: Structures

  private static let noAlgorithm: UInt16 = 0x0010

  private static var schemeOfKey: TPMT_SIG_SCHEME {
    var scheme = TPMT_SIG_SCHEME()
    scheme.scheme = noAlgorithm
    return scheme
  }

  private static func authorizations(_ list: [Authorization]) throws(TPMFault) -> TSS2L_SYS_AUTH_COMMAND {
    var command = TSS2L_SYS_AUTH_COMMAND()
    command.count = UInt16(list.count)
    var items: [TPMS_AUTH_COMMAND] = []
    for authorization in list {
      var item = TPMS_AUTH_COMMAND()
      // The session goes on: whoever began it ends it.
      item.sessionAttributes = 1
      switch authorization {
      case .password(let password):
        item.sessionHandle = 0x4000_0009
        item.hmac = try sized(password, TPM2B_AUTH(), "the password")
      case .policy(let session): item.sessionHandle = session
      }
      items.append(item)
    }
    command.auths.0 = items[0]
    if items.count > 1 { command.auths.1 = items[1] }
    return command
  }

  /// `bytes` as a structure that has a length of 16 bits before its buffer.
  private static func sized<Structure>(
    _ bytes: [UInt8], _ empty: Structure, _ what: String
  ) throws(TPMFault) -> Structure {
    var structure = empty
    let fits = withUnsafeMutableBytes(of: &structure) { place in
      guard bytes.count <= place.count - 2 else { return false }
      place.storeBytes(of: UInt16(bytes.count), as: UInt16.self)
      UnsafeMutableRawBufferPointer(rebasing: place[2...]).copyBytes(from: bytes)
      return true
    }
    guard fits else { throw TPMFault("\(what) is longer than \(MemoryLayout<Structure>.size - 2) bytes") }
    return structure
  }

  private static func bytes<Structure>(of structure: Structure) -> [UInt8] {
    withUnsafeBytes(of: structure) { place in
      Array(place.dropFirst(2).prefix(Int(place.loadUnaligned(as: UInt16.self))))
    }
  }

  private func publicArea(_ bytes: [UInt8]) throws(TPMFault) -> TPM2B_PUBLIC {
    let count = UInt16(clamping: bytes.count)
    let whole = [UInt8(count >> 8), UInt8(truncatingIfNeeded: count)] + bytes
    var (area, offset) = (TPM2B_PUBLIC(), 0)
    let code = call.Tss2_MU_TPM2B_PUBLIC_Unmarshal(whole, whole.count, &offset, &area)
    guard code == 0 else { throw TPMFault(code: code, words: library.words(for: code)) }
    guard offset == whole.count else { throw TPMFault("\(whole.count - offset) bytes follow the public area") }
    return area
  }

  private func encoded<Structure>(
    _ structure: Structure,
    _ write: (UnsafePointer<Structure>, UnsafeMutablePointer<UInt8>, Int, UnsafeMutablePointer<Int>) -> UInt32
  ) throws(TPMFault) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: TPMChannel.maximumSize)
    var (offset, structure) = (0, structure)
    let code = write(&structure, &bytes, bytes.count, &offset)
    guard code == 0 else { throw TPMFault(code: code, words: library.words(for: code)) }
    return Array(bytes.prefix(offset))
  }
}
