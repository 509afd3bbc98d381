import Logging
import NodeProofs
import SPIFFE

/// A TPM in which the keys of one attestation are loaded: the DevID, a new attestation key and the endorsement key.
///
/// ``TPMDevIDAttestor`` opens it, asks it and closes it, one call after the other, on threads that may block; that is why
/// it may be handed between them.
final class TPMSession: @unchecked Sendable {
  /// Upstream's name for a place where a key is kept until the end.
  private enum Key: String {
    case devID = "DevID"
    case attestation = "attestation key"
    case endorsement = "endorsement key"
  }

  /// The certificate of the endorsement key that the RSA template gives (TCG EK Credential Profile §2.2.1.4).
  private static let certificateIndex: UInt32 = 0x01C0_0002

  private let device: TPMDevice
  private let files: DevIDFiles
  private let passwords: TPMPasswords
  private let logger: Logger
  /// Protect, for as long as the session, the keys that are made for it.
  private let storagePassword = ProofNonces.random()
  private let attestationPassword = ProofNonces.random()

  private var loaded: [(key: Key, handle: UInt32)] = []
  private var attestationArea: [UInt8] = []
  private var endorsementArea: [UInt8] = []

  /// Opens the TPM and loads the keys. What was loaded before a failure is gone when this throws.
  init(_ device: TPMDevice, files: DevIDFiles, passwords: TPMPasswords, logger: Logger) throws(TPMFault) {
    self.device = device
    self.files = files
    self.passwords = passwords
    self.logger = logger
    do {
      try loadKeys()
    } catch {
      close()
      throw error
    }
  }

  /// Takes the keys out of the TPM.
  func close() {
    // Nothing to be said to a TPM that is gone, and nothing left in one that was reset.
    for (key, handle) in loaded.reversed() where !device.isGone {
      do throws(TPMFault) { try device.flush(handle) } catch {
        logger.warning("Failed to close \(key.rawValue) handle: \(error)")
      }
    }
    loaded = []
  }

  // MARK: Keys

  private func loadKeys() throws(TPMFault) {
    // One storage key at a time, and three keys at most: a TPM without a resource manager has no room for more.
    if files.isRSA {
      try withStorageKey(TPMTemplate.storageRSA, before: "cannot load DevID key on TPM: tpm2.CreatePrimaryEx failed: ")
      {
        (parent) throws(TPMFault) in
        try loadDevID(under: parent)
        try makeAttestationKey(under: parent)
      }
    } else {
      try withStorageKey(TPMTemplate.storageECC, before: "cannot load DevID key on TPM: tpm2.CreatePrimaryEx failed: ")
      {
        (parent) throws(TPMFault) in try loadDevID(under: parent)
      }
      try withStorageKey(TPMTemplate.storageRSA, before: "cannot create attestation key: failed to create SRK: ") {
        (parent) throws(TPMFault) in try makeAttestationKey(under: parent)
      }
    }
    do throws(TPMFault) {
      let made = try device.createPrimary(
        .endorsement, password: passwords.endorsement, keyPassword: [], template: TPMTemplate.endorsement)
      loaded.append((.endorsement, made.handle))
      endorsementArea = made.area
    } catch {
      throw error.after("cannot create endorsement key: ").advising("endorsement_hierarchy_password")
    }
  }

  private func withStorageKey(
    _ template: [UInt8], before words: String, _ body: (_ parent: UInt32) throws(TPMFault) -> Void
  ) throws(TPMFault) {
    let parent: UInt32
    do throws(TPMFault) {
      parent = try device.createPrimary(
        .owner, password: passwords.owner, keyPassword: storagePassword, template: template
      ).handle
    } catch {
      throw error.after(words).advising("owner_hierarchy_password")
    }
    defer {
      if !device.isGone {
        do throws(TPMFault) { try device.flush(parent) } catch {
          logger.warning("Failed to flush handle \(parent): \(error)")
        }
      }
    }
    try body(parent)
  }

  private func loadDevID(under parent: UInt32) throws(TPMFault) {
    do throws(TPMFault) {
      let handle = try device.load(
        files.sealedKey, area: files.area.encoded, parent: parent, password: storagePassword)
      loaded.append((.devID, handle))
    } catch {
      throw error.after("cannot load DevID key on TPM: tpm2.Load failed: ")
    }
  }

  private func makeAttestationKey(under parent: UInt32) throws(TPMFault) {
    let sealed: [UInt8]
    do throws(TPMFault) {
      (sealed, attestationArea) = try device.create(
        TPMTemplate.attestation, password: attestationPassword, parent: parent, parentPassword: storagePassword)
    } catch {
      throw error.after("cannot create attestation key: failed to create AK: ")
    }
    do throws(TPMFault) {
      let handle = try device.load(sealed, area: attestationArea, parent: parent, password: storagePassword)
      loaded.append((.attestation, handle))
    } catch {
      throw error.after("cannot load attestation key: tpm2.Load failed: ")
    }
  }

  private func handle(_ key: Key) throws(TPMFault) -> UInt32 {
    guard let found = loaded.first(where: { $0.key == key }) else { throw TPMFault("the TPM session is closed") }
    return found.handle
  }

  // MARK: Messages

  func payload() throws(TPMFault) -> TPMDevIDMessages.Payload {
    let certificate: [UInt8]
    do throws(TPMFault) { certificate = try endorsementCertificate() } catch {
      throw error.after("unable to get endorsement certificate: ")
    }
    let proof: (attestation: [UInt8], signature: [UInt8])
    do throws(TPMFault) {
      proof = try device.certify(
        handle(.devID), password: passwords.devID, signer: handle(.attestation), signerPassword: attestationPassword)
    } catch {
      throw error.after("unable to certify DevID key: tpm2.Certify failed: ").advising("devid_password")
    }
    return TPMDevIDMessages.Payload(
      devIDCertificates: files.certificates, devIDPublic: files.area.encoded, ekCertificate: certificate,
      ekPublic: endorsementArea, akPublic: attestationArea, certifiedDevID: proof.attestation,
      certificationSignature: proof.signature)
  }

  private func endorsementCertificate() throws(TPMFault) -> [UInt8] {
    let bytes: [UInt8]
    do throws(TPMFault) { bytes = try device.readNV(Self.certificateIndex) } catch {
      throw error.after("failed to read NV index 01c00002: ")
    }
    // Some TPMs have room for more than the certificate, and fill it up.
    var reader = DERReader(bytes[...])
    guard let certificate = reader.next(DERTag.sequence) else {
      throw TPMFault("failed to unmarshall certificate read from 01c00002: it does not begin with a certificate")
    }
    return Array(certificate.encoded)
  }

  func answer(_ challenge: TPMDevIDMessages.Challenge) throws(TPMFault) -> TPMDevIDMessages.Response {
    let signature: [UInt8]
    do throws(TPMFault) { signature = try sign(challenge.devID) } catch {
      throw error.after("unable to solve proof of possession challenge: failed to sign nonce: ")
    }
    guard let credential = challenge.credential else {
      throw TPMFault("received empty credential activation challenge from server")
    }
    do throws(TPMFault) {
      return TPMDevIDMessages.Response(devID: signature, activated: try activate(credential))
    } catch {
      throw error.after("unable to solve proof of residency challenge: ")
    }
  }

  private func sign(_ nonce: [UInt8]) throws(TPMFault) -> [UInt8] {
    // What is longer could be part of another protocol in which the key takes part.
    guard nonce.count == ProofNonces.size else {
      throw TPMFault("the nonce has \(nonce.count) bytes, not \(ProofNonces.size)")
    }
    let hashed: (digest: [UInt8], ticket: TPMDevice.Ticket)
    do throws(TPMFault) { hashed = try device.hash(nonce, files.signatureHash) } catch {
      throw error.after("tpm2.Hash failed: ")
    }
    do throws(TPMFault) {
      let signature = try device.sign(
        hashed.digest, ticket: hashed.ticket, key: handle(.devID), password: passwords.devID)
      do { return try TPMSignature(signature).x509 } catch { throw TPMFault("unrecognized tpm2.Signature: \(error)") }
    } catch {
      throw error.after("tpm2.Sign failed: ").advising("devid_password")
    }
  }

  private func activate(_ credential: TPMCredential) throws(TPMFault) -> [UInt8] {
    let session: UInt32
    do throws(TPMFault) {
      session = try device.startPolicySession(.endorsement, password: passwords.endorsement)
    } catch {
      throw error.advising("endorsement_hierarchy_password")
    }
    defer {
      if !device.isGone {
        do throws(TPMFault) { try device.flush(session) } catch {
          logger.warning("Failed to flush handle \(session): \(error)")
        }
      }
    }
    do throws(TPMFault) {
      return try device.activate(
        credential.object, secret: credential.secret, key: handle(.attestation), keyPassword: attestationPassword,
        endorsementKey: handle(.endorsement), session: session)
    } catch {
      throw error.after("failed to activate credential: ")
    }
  }
}
