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
  private func attest(_ path: String, _ files: DevIDFiles, _ challenge: TPMDevIDMessages.Challenge) throws(TPMFault)
    -> [UInt8]
  {
    let device = try TPMDevice(
      path, library: .shared(), manner: TPMDevice.Manner(patience: .seconds(20), pause: .zero, attempts: 2)
    ) { false }
    let passwords = TPMPasswords(devID: [], owner: [], endorsement: [])
    let session = try TPMSession(device, files: files, passwords: passwords, logger: Logger(label: "test"))
    defer { session.close() }
    return try session.payload().encoded + session.answer(challenge).encoded
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
    // The credential is not for this key: the TPM says so, and that is an answer too.
    let challenge = TPMDevIDMessages.Challenge(
      devID: .init(repeating: 7, count: 32),
      credential: TPMCredential(object: .init(repeating: 1, count: 68), secret: .init(repeating: 2, count: 256)))
    let recorded = Mutex<[[UInt8]]>([])
    let recorder = try ScriptedTPM(at: tpm.folder + "/recorder", before: tpm.socket) { command, ask in
      let response = ask(command)
      recorded.withLock { $0.append(response ?? []) }
      return response
    }
    var first: TPMFault?
    do { _ = try attest(recorder.socket, files, challenge) } catch { first = error }
    #expect(first?.description.contains("failed to activate credential: parameter 2, ") == true, "\(first as Any)")
    let responses = recorded.withLock { $0 }
    #expect(responses.count > 15)
    tpm.stop()

    let script = Mutex<[[UInt8]]>([])
    let replayer = try ScriptedTPM(at: tpm.folder + "/replayer") { _, _ in
      script.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
    func outcome(_ responses: [[UInt8]]) -> TPMFault? {
      script.withLock { $0 = responses }
      do { _ = try attest(replayer.socket, files, challenge) } catch { return error }
      return nil
    }
    #expect(outcome(responses) == first)
    var (rounds, messages) = (0, 0)
    for (index, response) in responses.enumerated() {
      let prefixes = min(response.count, 200)
      for (number, mutation) in Mutations(of: response, count: 20).enumerated()
      where number >= prefixes || number % 40 == 9 {
        var damaged = responses
        damaged[index] = number % 3 == 0 ? mutation : measured(mutation)
        rounds += 1
        // All the way to the credential.
        if outcome(damaged) == first { messages += 1 }
      }
    }
    #expect(rounds > 300 && messages > 0 && messages < rounds)
    #expect(outcome(responses) == first)
  }
}
