import Foundation
import Testing

@testable import AgentPlugins

/// The join token attestor: its payload is the token, a challenge is a mistake.
@Suite struct JoinTokenAttestorTests {
  @Test func payloadIsTheToken() async throws {
    let attestor = JoinTokenAttestor(token: "abc")
    #expect(attestor.name == "join_token")
    #expect(try await attestor.attest { $0.payload } == Array("abc".utf8))
    await #expect(throws: AgentPluginError(.internalError, "")) {
      try await attestor.attest { try await $0.respond([1]) }
    }
  }

  @Test func aNewTokenInTheFileIsNoticed() async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("token-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let attestor = JoinTokenAttestor(token: "first", file: path)
    #expect(await attestor.hasNewProof())
    #expect(try await attestor.attest { $0.payload } == Array("first".utf8))
    #expect(await !attestor.hasNewProof())
    try " first\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(await !attestor.hasNewProof())
    try " second\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(await attestor.hasNewProof())
    #expect(try await attestor.attest { $0.payload } == Array("second".utf8))
    #expect(await !attestor.hasNewProof())
    try "\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try await attestor.attest { $0.payload } == Array("first".utf8))
    #expect(await !JoinTokenAttestor(token: nil).hasNewProof())
  }

  @Test(arguments: [nil, ""]) func withoutATokenItSaysHowToGetOne(_ token: String?) async throws {
    let error = await #expect(throws: AgentPluginError.self) {
      try await JoinTokenAttestor(token: token).attest { $0.payload }
    }
    #expect(error?.message.contains("spire-server token generate") == true)
  }
}
