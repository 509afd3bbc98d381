import Foundation
import Logging
import Mutations
import NodeProofs
import Synchronization
import TPMTesting
import Testing

@testable import AgentPlugins

/// Responses that no TPM gives: those of one, with a few bytes changed. What comes of them is an error or a message, and
/// nothing is read past its end.
@Suite("tpm_devid: damaged responses", .timeLimit(.minutes(3)))
struct TPMResponseTests {
  private func attest(
    _ path: String, _ files: DevIDFiles, _ challenge: (TPMDevIDMessages.Payload) -> TPMDevIDMessages.Challenge?
  ) throws(TPMFault) -> [UInt8] {
    let device = try TPMDevice(
      path, library: .shared(), manner: TPMDevice.Manner(patience: .seconds(5), pause: .zero, attempts: 2)
    ) { false }
    let passwords = TPMPasswords(devID: [], owner: [], endorsement: [])
    let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let session = try TPMSession(device, files: files, passwords: passwords, logger: quiet)
    defer { session.close() }
    let payload = try session.payload()
    guard let asked = challenge(payload) else { throw TPMFault("no challenge") }
    return try payload.encoded + session.answer(asked).encoded
  }

  /// With the size that it has where a response says its size.
  private func measured(_ response: [UInt8]) -> [UInt8] {
    guard response.count >= 6 else { return response }
    let size = withUnsafeBytes(of: UInt32(response.count).bigEndian, Array.init)
    return Array(response[..<2]) + size + Array(response[6...])
  }

  @Test func errorsOrMessages() throws {
    let tpm = try EmulatedTPM()
    try tpm.writeEKCertificate()
    let devID = try tpm.makeDevID(.ecc)
    let files = try DevIDFiles(
      certificate: devID.certificate, publicArea: devID.publicArea, sealedKey: devID.sealedKey)
    /// A credential for the attestation key of the first payload.
    let challenge = Mutex<TPMDevIDMessages.Challenge?>(nil)
    func ask(_ payload: TPMDevIDMessages.Payload) -> TPMDevIDMessages.Challenge? {
      challenge.withLock { held in
        if held == nil, let key = try? TPMPublic(payload.akPublic), let name = try? key.name(),
          let endorsementKey = try? TPMPublic(payload.ekPublic),
          let credential = try? TPMCredential(
            of: [1, 2, 3], for: name, endorsementKey: endorsementKey, random: { [UInt8](repeating: 9, count: $0) })
        {
          held = TPMDevIDMessages.Challenge(devID: .init(repeating: 7, count: 32), credential: credential)
        }
        return held
      }
    }
    let recorded = Mutex<[[UInt8]]>([])
    let recorder = try ScriptedTPM(at: tpm.folder + "/recorder", before: tpm.socket) { command, ask in
      let response = ask(command)
      recorded.withLock { $0.append(response ?? []) }
      return response
    }
    let messages = try attest(recorder.socket, files, ask)
    let responses = recorded.withLock { $0 }
    #expect(responses.count > 15)
    tpm.stop()

    let script = Mutex<[[UInt8]]>([])
    let replayer = try ScriptedTPM(at: tpm.folder + "/replayer") { _, _ in
      script.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
    /// The messages, or nil after an error.
    func outcome(_ responses: [[UInt8]]) -> [UInt8]? {
      script.withLock { $0 = responses }
      return try? attest(replayer.socket, files, ask)
    }
    #expect(outcome(responses) == messages)
    var (rounds, errors) = (0, 0)
    for (index, response) in responses.enumerated() {
      let prefixes = min(response.count, 200)
      for (number, mutation) in Mutations(of: response, count: 12).enumerated()
      where number >= prefixes || number % 80 == 9 {
        var damaged = responses
        damaged[index] = number % 3 == 0 ? mutation : measured(mutation)
        rounds += 1
        if outcome(damaged) == nil { errors += 1 }
      }
    }
    #expect(rounds > 200 && errors > 0 && errors < rounds)
    #expect(outcome(responses) == messages)
  }
}
