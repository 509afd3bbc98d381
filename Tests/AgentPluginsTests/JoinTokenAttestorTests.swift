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

  @Test(arguments: [nil, ""]) func withoutATokenItSaysHowToGetOne(_ token: String?) async throws {
    let error = await #expect(throws: AgentPluginError.self) {
      try await JoinTokenAttestor(token: token).attest { $0.payload }
    }
    #expect(error?.message.contains("spire-server token generate") == true)
  }
}
