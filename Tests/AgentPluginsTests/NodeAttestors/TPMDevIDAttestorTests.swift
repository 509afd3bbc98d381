import DaemonTesting
import Foundation
import Logging
import NodeProofs
import Plugins
import SPIFFE
import Synchronization
import TPMTesting
import Testing

@testable import AgentPlugins

/// The agent's half of tpm_devid with a TPM that is locked, bare, slow, gone or none (agent-plugins §1).
@Suite("tpm_devid: attestor", .serialized, .timeLimit(.minutes(3)))
struct TPMDevIDAttestorTests {
  static let prefix = "Internal: nodeattestor(tpm_devid): "

  func refusal(_ body: () async throws -> some Any) async throws -> String {
    do {
      _ = try await body()
      return "no error"
    } catch let error as AgentPluginError {
      return "\(error.code.rawValue): \(error.message)"
    }
  }

  func makeAttestor(pause: Duration = .milliseconds(1), patience: Duration = .seconds(60)) -> TPMDevIDAttestor {
    TPMDevIDAttestor(logger: Logger(label: "test"), manner: TPMDevice.Manner(patience: patience, pause: pause))
  }

  func settings(_ devID: EmulatedTPM.DevID, _ device: String, _ more: String = "") -> PluginData {
    PluginData(
      text: """
        devid_cert_path = "\(devID.certificate)"
        devid_priv_path = "\(devID.sealedKey)"
        devid_pub_path = "\(devID.publicArea)"
        tpm_device_path = "\(device)"
        \(more)
        """)
  }

  /// A challenge that the TPM of `payload` can answer, made by the server's structures.
  private func challenge(_ payload: [UInt8], nonce: [UInt8] = .init(repeating: 7, count: 32)) throws -> [UInt8] {
    let sent = try TPMDevIDMessages.Payload(payload)
    let credential = try TPMCredential(
      of: [1, 2, 3], for: TPMPublic(sent.akPublic).name(), endorsementKey: TPMPublic(sent.ekPublic),
      random: { [UInt8](repeating: 9, count: $0) })
    return TPMDevIDMessages.Challenge(devID: nonce, credential: credential).encoded
  }

  private func attestWhole(_ attestor: TPMDevIDAttestor) async throws -> [UInt8] {
    let response = try await attestor.attest { try await $0.respond(challenge($0.payload)) }
    return try TPMDevIDMessages.Response(response).activated
  }

  // MARK: Passwords

  @Test func wrongPasswords() async throws {
    let tpm = try EmulatedTPM()
    try tpm.changePasswords(owner: "o", endorsement: "e")
    try tpm.writeEKCertificate(endorsementPassword: "e")
    let devID = try tpm.makeDevID(.rsa, password: "d", ownerPassword: "o")
    let attestor = makeAttestor()
    func said(_ more: String) async throws -> String {
      try await attestor.configure(settings(devID, tpm.socket, more))
      return try await refusal { try await attestor.attest { $0.payload } }
    }
    let owner = #"owner_hierarchy_password = "o""#
    let endorsement = #"endorsement_hierarchy_password = "e""#
    let badAuth = "session 1, error code 0x22 : authorization failure without DA implications"
    #expect(
      try await said("")
        == Self.prefix
        + "unable to start a new TPM session: cannot load DevID key on TPM: tpm2.CreatePrimaryEx failed: "
        + badAuth + "; check owner_hierarchy_password")
    #expect(
      try await said(owner)
        == Self.prefix + "unable to start a new TPM session: cannot create endorsement key: " + badAuth
        + "; check endorsement_hierarchy_password")
    #expect(
      try await said(owner + "\n" + #"endorsement_hierarchy_password = "\#(String(repeating: "x", count: 65))""#)
        == Self.prefix
        + "unable to start a new TPM session: cannot create endorsement key: the password is longer than "
        + "64 bytes")

    // The TPM counts wrong passwords of the key: one is enough.
    func count() throws -> String {
      let all = try tpm.run("tpm2_getcap", "properties-variable").split(separator: "\n")
      return all.first { $0.contains("LOCKOUT_COUNTER") }.map(String.init) ?? ""
    }
    #expect(try count() == "TPM2_PT_LOCKOUT_COUNTER: 0x0")
    let wrong = "FailedPrecondition: nodeattestor(tpm_devid): unable to certify DevID key: tpm2.Certify failed: "
    #expect(try await said(owner + "\n" + endorsement).hasPrefix(wrong + "session 1, error code 0xe : "))
    for _ in 0..<3 {
      let again = try await refusal { try await attestor.attest { $0.payload } }
      #expect(again.hasPrefix(wrong) && again.contains("check devid_password; it is not tried again"))
    }
    #expect(try count() == "TPM2_PT_LOCKOUT_COUNTER: 0x1")
    #expect(try tpm.loadedHandles() == "")

    // A configuration that is read again is tried again.
    try await attestor.configure(
      settings(devID, tpm.socket, owner + "\n" + endorsement + "\n" + #"devid_password = "d""#))
    #expect(try await attestWhole(attestor) == [1, 2, 3])
    #expect(try tpm.loadedHandles() == "")
  }

  // MARK: Bare and gone

  @Test func aTPMWithoutCertificateAndAfterARestart() async throws {
    let tpm = try EmulatedTPM()
    let devID = try tpm.makeDevID(.ecc, withLengths: true)
    let attestor = makeAttestor()
    try await attestor.configure(settings(devID, tpm.socket))
    #expect(
      try await refusal { try await attestor.attest { $0.payload } }
        == Self.prefix + "unable to get endorsement certificate: failed to read NV index 01c00002: "
        + "decoding NV_ReadPublic response: handle 1, error code 0xb : the handle is not correct for the use")
    #expect(try tpm.loadedHandles() == "")
    try tpm.writeEKCertificate()
    #expect(try await attestWhole(attestor) == [1, 2, 3])
    // Blobs as tpm2-tools write them go to the server without their length.
    let sent = try await attestor.attest { try TPMDevIDMessages.Payload($0.payload).devIDPublic }
    #expect(try sent == Array(Data(contentsOf: URL(fileURLWithPath: devID.publicArea)).dropFirst(2)))

    // The power goes in the middle of an attestation.
    let lost = try await refusal {
      try await attestor.attest { evidence in
        let asked = try challenge(evidence.payload)
        tpm.stop()
        return try await evidence.respond(asked)
      }
    }
    #expect(lost.hasPrefix(Self.prefix + "unable to solve proof of possession challenge: failed to sign nonce: "))
    #expect(lost.contains("the TPM is gone") || lost.contains("broken pipe") || lost.contains("reset by peer"))
    #expect(
      try await refusal { try await attestor.attest { $0.payload } }
        == Self.prefix + "unable to start a new TPM session: cannot open TPM at \"\(tpm.socket)\": stat \(tpm.socket): "
        + "no such file or directory")
    try tpm.start()
    #expect(try await attestWhole(attestor) == [1, 2, 3])

    // The server gives up, or the agent: nothing stays behind.
    struct Ended: Error {}
    await #expect(throws: Ended.self) { try await attestor.attest { _ in throw Ended() } }
    #expect(try tpm.loadedHandles() == "")

    // The key of another TPM.
    let other = try EmulatedTPM()
    try await attestor.configure(settings(devID, other.socket))
    let foreign = try await refusal { try await attestor.attest { $0.payload } }
    #expect(
      foreign.hasPrefix(
        Self.prefix + "unable to start a new TPM session: cannot load DevID key on TPM: tpm2.Load failed: parameter 1, "
          + "error code 0x1f : "), "\(foreign)")
    #expect(try other.loadedHandles() == "")
  }

  @Test func challengesThatAreRefused() async throws {
    let tpm = try EmulatedTPM()
    try tpm.writeEKCertificate()
    let devID = try tpm.makeDevID(.ecc)
    let attestor = makeAttestor()
    try await attestor.configure(settings(devID, tpm.socket))
    /// What is said to these challenges, one after the other in one attestation.
    let said = try await attestor.attest { evidence in
      var said: [String] = []
      let good = try TPMDevIDMessages.Challenge(challenge(evidence.payload))
      let credential = try #require(good.credential)
      let wrong: [[UInt8]] = [
        Array("x".utf8), TPMDevIDMessages.Challenge(devID: good.devID, credential: nil).encoded,
        // A message of another protocol is not signed with the key.
        try challenge(evidence.payload, nonce: .init(repeating: 0x20, count: 130)),
        TPMDevIDMessages.Challenge(
          devID: good.devID, credential: TPMCredential(object: credential.object, secret: [1])
        ).encoded,
        TPMDevIDMessages.Challenge(
          devID: good.devID,
          credential: TPMCredential(object: .init(repeating: 0, count: 5000), secret: credential.secret)
        ).encoded,
      ]
      for bytes in wrong { said.append(try await refusal { try await evidence.respond(bytes) }) }
      // And still in order.
      said.append(try await refusal { try await evidence.respond(good.encoded) })
      return said
    }
    #expect(said[0].hasPrefix("InvalidArgument: nodeattestor(tpm_devid): unable to unmarshall challenges: "))
    #expect(said[1] == Self.prefix + "received empty credential activation challenge from server")
    #expect(
      said[2]
        == Self.prefix
        + "unable to solve proof of possession challenge: failed to sign nonce: the nonce has 130 bytes, "
        + "not 32")
    let residency = Self.prefix + "unable to solve proof of residency challenge: failed to activate credential: "
    #expect(said[3].hasPrefix(residency + "parameter 2, error code 0x"), "\(said[3])")
    #expect(said[4] == residency + "the credential is longer than 132 bytes")
    #expect(said[5] == "no error")
    #expect(try tpm.loadedHandles() == "")
  }

  // MARK: Other things on the socket

  @Test func aTPMThatAsksToRetry() async throws {
    let tpm = try EmulatedTPM()
    try tpm.writeEKCertificate()
    let devID = try tpm.makeDevID(.ecc)
    let refused = Mutex<[UInt32: Int]>([:])
    let relay = try ScriptedTPM(at: tpm.folder + "/relay", before: tpm.socket) { command, ask in
      // Each command but the first is begun at the third attempt.
      let code = ScriptedTPM.code(command)
      let count = refused.withLock { counts in
        counts[code, default: 0] += 1
        return counts[code] ?? 0
      }
      return code != 0x17A && count % 3 != 0 ? ScriptedTPM.response(0x922) : ask(command)
    }
    let attestor = makeAttestor()
    try await attestor.configure(settings(devID, relay.socket))
    #expect(try await attestWhole(attestor) == [1, 2, 3])

    // For ever: ten times.
    let stubborn = try ScriptedTPM(at: tpm.folder + "/stubborn", before: tpm.socket) { command, ask in
      let code = ScriptedTPM.code(command)
      guard code == 0x148 else { return ask(command) }
      refused.withLock { $0[0, default: 0] += 1 }
      return ScriptedTPM.response(0x922)
    }
    try await attestor.configure(settings(devID, stubborn.socket))
    let last = try await refusal { try await attestor.attest { $0.payload } }
    #expect(
      last == Self.prefix + "unable to certify DevID key: tpm2.Certify failed: warning code 0x22 : "
        + "the TPM was not able to start the command", "\(last)")
    #expect(refused.withLock { $0[0] } == 10)
    _ = (relay, stubborn)
    #expect(try tpm.loadedHandles() == "")
  }

  /// An agent that stops does not wait for more than the command under way, and leaves nothing in the TPM.
  @Test func anAttestationThatIsGivenUp() async throws {
    let tpm = try EmulatedTPM()
    try tpm.writeEKCertificate()
    let devID = try tpm.makeDevID(.ecc)
    let reached = AsyncStream.makeStream(of: Void.self)
    let isFirst = Mutex(true)
    let goOn = DispatchSemaphore(value: 0)
    let relay = try ScriptedTPM(at: tpm.folder + "/relay", before: tpm.socket) { command, ask in
      // TPM2_CreatePrimary
      let waits =
        ScriptedTPM.code(command) == 0x131
        && isFirst.withLock { first in
          defer { first = false }
          return first
        }
      if waits {
        reached.continuation.finish()
        goOn.wait()
      }
      return ask(command)
    }
    let attestor = makeAttestor()
    try await attestor.configure(settings(devID, relay.socket))
    let attestation = Task { try await attestor.attest { $0.payload } }
    for await _ in reached.stream {}
    attestation.cancel()
    goOn.signal()
    await #expect(throws: CancellationError.self) { try await attestation.value }
    #expect(try tpm.loadedHandles() == "")
    _ = relay
  }

  @Test func whatIsNoTPM() async throws {
    let tpm = try EmulatedTPM()
    let devID = try tpm.makeDevID(.ecc)
    func said(_ name: String, patience: Duration = .seconds(60), _ answer: [UInt8]?...) async throws -> String {
      let answers = Mutex(answer)
      let scripted = try ScriptedTPM(at: tpm.folder + "/" + name) { _, _ in
        answers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
      }
      let attestor = makeAttestor(patience: patience)
      try await attestor.configure(settings(devID, scripted.socket))
      return try await refusal { try await attestor.attest { $0.payload } }
        .replacingOccurrences(of: scripted.socket, with: "S")
    }
    let prefix = Self.prefix + "unable to start a new TPM session: cannot open TPM at \"S\": "
    // TPM 1.2: tag 0x00C4, TPM_BADTAG.
    let old = try await said("old", [0, 0xC4, 0, 0, 0, 10, 0, 0, 0, 0x1E])
    #expect(old.hasPrefix(prefix + "open [S]: device is not a TPM 2.0"), "\(old)")
    #expect(try await said("away", nil) == prefix + "read S: the TPM is gone")
    #expect(
      try await said("short", [0x80, 1, 0, 0, 0, 4, 0, 0, 0, 0]) == prefix + "read S: the response is not one of a TPM")
    #expect(
      try await said("huge", [0x80, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0])
        == prefix + "read S: the response is not one of a TPM")
    // An empty answer of success.
    #expect(try await said("empty", ScriptedTPM.response(0)).hasPrefix(prefix + "open [S]: device is not a TPM 2.0"))
    // Never a whole answer.
    #expect(
      try await said("silent", patience: .seconds(1), [])
        == prefix + "read S: the TPM does not answer within 1 s")

    let attestor = makeAttestor()
    for (path, words) in [
      (devID.certificate, "unsupported TPM file mode: it is neither a device nor a socket"),
      ("/dev/null", "device is not a TPM 2.0"),
    ] {
      try await attestor.configure(settings(devID, path))
      let text = try await refusal { try await attestor.attest { $0.payload } }
      #expect(
        text.contains("cannot open TPM at \"\(path)\": ") && (text.contains(words) || path == "/dev/null"), "\(text)")
    }
  }
}
