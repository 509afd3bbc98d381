import DaemonTesting
import Foundation
import GRPCCore
import SPIREProtos
import ServerPlugins
import SwiftProtobuf
import Testing

@testable import Server

/// The first message of AttestAgent, which anybody may send: what of it is kept, logged and answered. The origins are in
/// docs/security/immunity.md.
@Suite struct AttestationMessageTests {
  /// A stranger's first message may be as large as any: what of it is logged, answered and kept is not.
  @Test func aStrangersWordsAreShort() async throws {
    try await TestServer.with { server in
      let key = TestKey()
      let csr = try key.csr()
      let long = String(repeating: "x", count: 1 << 20)
      let found = try await failure {
        try await server.remote { try await TestServer.attest($0, token: "token", csr: csr, type: long) }
      }
      #expect(
        found == Failure(.invalidArgument, "malformed param: attestation data type is longer than 128 bytes"))
      #expect(server.log.text.utf8.count < 20_000)
    }
  }

  private struct Verbose: NodeAttestor {
    let name = "verbose"

    func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
      throw ServerPluginError(.invalidArgument, "it is not \(String(decoding: payload, as: UTF8.self))")
    }
  }

  @Test func whatIsSaidAboutAProofIsShort() async throws {
    var options = TestServer.Options()
    options.nodeAttestors = [Verbose()]
    try await TestServer.with(options) { server in
      let csr = try TestKey().csr()
      let long = String(repeating: "é", count: 1 << 19)
      let found = try await failure {
        try await server.remote { try await TestServer.attest($0, token: long, csr: csr, type: "verbose") }
      }
      #expect(
        found.message.hasPrefix("nodeattestor(verbose): it is not éé") && found.message.unicodeScalars.count == 2049)
      #expect(server.log.text.utf8.count < 30_000)
    }
  }

  /// Fields that nobody knows are kept by none of the messages inside.
  @Test func unknownFieldsAreNotKept() throws {
    typealias Request = Spire_Api_Server_Agent_V1_AttestAgentRequest
    // Field 1000, of 64 KiB.
    let unknown: [UInt8] = [0xC2, 0x3E, 0x80, 0x80, 0x04] + [UInt8](repeating: 7, count: 65_536)
    func inside(_ field: UInt8, _ bytes: [UInt8]) -> [UInt8] {
      var (length, size): (Int, [UInt8]) = (bytes.count, [])
      while length > 0x7F {
        size.append(UInt8(length & 0x7F) | 0x80)
        length >>= 7
      }
      return [field << 3 | 2] + size + [UInt8(length)] + bytes
    }
    let data = inside(1, Array("join_token".utf8)) + inside(2, Array("token".utf8)) + unknown
    let params = inside(1, [1, 2, 3]) + unknown
    let bytes = inside(1, inside(1, data) + inside(2, params) + unknown) + unknown
    let message = try Request(serializedBytes: bytes)
    #expect(message.params.data.type == "join_token" && message.params.params.csr == Data([1, 2, 3]))
    #expect(try (message.serializedData() as Data).count > 4 << 16)
    let kept = message.withoutUnknownFields
    #expect(kept.params.data.type == "join_token" && kept.params.data.payload == Data("token".utf8))
    #expect(kept.params.params.csr == Data([1, 2, 3]) && kept.keptBytes == 18)
    #expect(try (kept.serializedData() as Data).count < 64)
    let answer = Request.with { $0.challengeResponse = Data([1]) }
    #expect(answer.withoutUnknownFields == answer)
    #expect(Request().withoutUnknownFields == Request())
  }
}
