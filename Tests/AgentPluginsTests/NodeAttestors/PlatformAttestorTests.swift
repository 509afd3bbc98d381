import Foundation
import HTTPTesting
import NIOHTTP1
import Plugins
import Testing

@testable import AgentPlugins

/// The agent's halves of the attestors that a platform vouches for: what they ask the platform, and the bytes that they
/// send to the server, written out by hand from the plugins' documentation.
@Suite struct PlatformAttestorTests {
  private func data(_ text: String) -> PluginData { PluginData(text: text) }

  private func page(_ text: String) -> TestWebServer.Answer { .page(200, [], Array(text.utf8)) }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  // MARK: k8s_psat

  @Test func aKubernetesTokenIsReadForEachAttestation() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let token = folder.appendingPathComponent("token")
    let attestor = K8sPSATAttestor()
    try attestor.configure(data(#"cluster = "prod", token_path = "\#(token.path)""#))

    var error = await #expect(throws: AgentPluginError.self) { try await attestor.payload() }
    #expect(error?.message.hasPrefix("nodeattestor(k8s_psat): unable to load token from \(token.path): open") == true)
    try Data().write(to: token)
    error = await #expect(throws: AgentPluginError.self) { try await attestor.payload() }
    #expect(error?.message.hasSuffix(#""\#(token.path)" is empty"#) == true)
    try Data("a.b.c".utf8).write(to: token)
    #expect(text(try await attestor.payload()) == #"{"cluster":"prod","token":"a.b.c"}"#)
    try Data("d.e.f".utf8).write(to: token)
    #expect(text(try await attestor.payload()) == #"{"cluster":"prod","token":"d.e.f"}"#)
    try Data(repeating: 65, count: 70_000).write(to: token)
    await #expect(throws: AgentPluginError(.invalidArgument, "")) { try await attestor.payload() }
  }

  @Test func aClusterIsRequired() {
    let error = #expect(throws: AgentPluginError.self) { try K8sPSATAttestor().configure(data("")) }
    #expect(error?.message == "nodeattestor(k8s_psat): missing required cluster block")
  }

  // MARK: gcp_iit

  @Test func googlesTokenIsSentAsItIs() async throws {
    try await TestWebServer.with(nil, reply: { _ in page("eyJ.token.bytes") }) { server in
      let attestor = GCPIITAttestor()
      try attestor.configure(data(#"identity_token_host = "127.0.0.1:\#(server.port)", service_account = "builder""#))
      #expect(text(try await attestor.payload()) == "eyJ.token.bytes")
      let request = try #require(server.script.requests.first)
      #expect(
        request.uri
          == "/computeMetadata/v1/instance/service-accounts/builder/identity?audience=spire-gcp-node-attestor&format=full"
      )
      #expect(request.headers["Metadata-Flavor"] == ["Google"])
    }
  }

  @Test(arguments: [
    TestWebServer.Answer.redirection("http://127.0.0.1:1/"), .page(404, [], []), .endless, .hangUp,
  ])
  func aMetadataServiceThatMisbehavesIsNamed(_ answer: TestWebServer.Answer) async throws {
    try await TestWebServer.with(nil, reply: { _ in answer }) { server in
      let attestor = GCPIITAttestor()
      try attestor.configure(data(#"identity_token_host = "127.0.0.1:\#(server.port)""#))
      let error = await #expect(throws: AgentPluginError.self) { try await attestor.payload() }
      #expect(error?.code == .unavailable)
      #expect(error?.message.hasPrefix("nodeattestor(gcp_iit): unable to retrieve valid identity token: ") == true)
      #expect(server.script.requests.count == 1)
    }
  }

  // MARK: azure_msi

  @Test func theManagedIdentitysTokenIsSent() async throws {
    let answer = #"{"access_token":"eyJ.a<b>&c","expires_in":"86400","token_type":"Bearer"}"#
    try await TestWebServer.with(nil, reply: { _ in page(answer) }) { server in
      let attestor = AzureMSIAttestor(host: "127.0.0.1:\(server.port)")
      try attestor.configure(data(""))
      #expect(text(try await attestor.payload()) == #"{"token":"eyJ.a\u003cb\u003e\u0026c"}"#)
      let request = try #require(server.script.requests.first)
      #expect(
        request.uri
          == "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F")
      #expect(request.headers["Metadata"] == ["true"])
      server.script.say { _ in .page(200, [], Array("{}".utf8)) }
      await #expect(throws: AgentPluginError(.internalError, "")) { try await attestor.payload() }
    }
  }

  // MARK: azure_imds

  @Test(arguments: [("", "null"), ("web-set", #""web-set""#)])
  func azuresDocumentCarriesTheServersNonce(_ scaleSet: String, _ written: String) async throws {
    let nonce = "0123456789abcdefABCDEF0123456789"
    try await TestWebServer.with(
      nil,
      reply: { request in
        request.head.uri.hasPrefix("/metadata/attested/document")
          ? page(#"{"encoding":"pkcs7","signature":"MIIB+/=="}"#)
          : page(#"{"name":"vm","vmScaleSetName":"\#(scaleSet)","vmId":"1"}"#)
      }
    ) { server in
      let attestor = AzureIMDSAttestor(host: "127.0.0.1:\(server.port)")
      try attestor.configure(data(#"tenant_domain = "contoso.com""#))
      #expect(text(try await attestor.payload()) == "non_empty_payload")
      #expect(
        text(try await attestor.response(to: Array(nonce.utf8)))
          == #"{"document":{"encoding":"pkcs7","signature":"MIIB+/=="},"#
          + #""metadata":{"agentDomain":"contoso.com","vmssName":\#(written)}}"#)
      #expect(
        server.script.requests.map(\.uri) == [
          "/metadata/attested/document?api-version=2025-04-07&nonce=\(nonce)",
          "/metadata/instance/compute?api-version=2025-04-07&format=json",
        ])
      #expect(server.script.requests.allSatisfy { $0.headers["Metadata"] == ["true"] })
    }
  }

  @Test(arguments: ["", "a&b", "a b", "{\"nonce\":\"x\"}", String(repeating: "a", count: 129)])
  func whatIsNoNonceIsNotPassedOn(_ challenge: String) async throws {
    let attestor = AzureIMDSAttestor(host: "127.0.0.1:1")
    try attestor.configure(data(#"tenant_domain = "contoso.com""#))
    await #expect(throws: AgentPluginError(.invalidArgument, "")) {
      try await attestor.response(to: Array(challenge.utf8))
    }
  }

  // MARK: aws_iid

  @Test(arguments: [true, false]) func amazonsDocumentIsSentWithBothSignatures(_ knowsTokens: Bool) async throws {
    try await TestWebServer.with(
      nil,
      reply: { request in
        switch request.head.uri {
        case "/latest/api/token": knowsTokens ? page("session") : .page(404, [], [])
        case "/latest/dynamic/instance-identity/document": page("{\n  \"region\" : \"us-east-1\"\n}")
        case "/latest/dynamic/instance-identity/signature": page("c2ln\nbmF0dXJl")
        case "/latest/dynamic/instance-identity/rsa2048": page("cGtjczc=")
        default: .page(404, [], [])
        }
      }
    ) { server in
      let attestor = AWSIIDAttestor(environment: [:])
      try attestor.configure(data(#"ec2_metadata_endpoint = "http://127.0.0.1:\#(server.port)/""#))
      #expect(
        text(try await attestor.payload())
          == #"{"document":"{\n  \"region\" : \"us-east-1\"\n}","signature":"c2ln\nbmF0dXJl","rsa2048":"cGtjczc="}"#)
      let requests = server.script.requests
      #expect(requests[0].method == .PUT)
      #expect(requests[0].headers["X-aws-ec2-metadata-token-ttl-seconds"] == ["300"])
      for request in requests.dropFirst() {
        #expect(request.headers["X-aws-ec2-metadata-token"] == (knowsTokens ? ["session"] : []))
      }
      await #expect(throws: AgentPluginError.self) { try await attestor.response(to: [1]) }
    }
  }

  @Test func anInstanceWithoutTheServiceSaysSo() async throws {
    let attestor = AWSIIDAttestor(environment: ["AWS_EC2_METADATA_DISABLED": "true"])
    try attestor.configure(data(""))
    let error = await #expect(throws: AgentPluginError.self) { try await attestor.payload() }
    #expect(error?.message.contains("AWS_EC2_METADATA_DISABLED") == true)
  }

  @Test func nothingWorksUnconfigured() async throws {
    let attestors: [any PlatformAttestor] = [
      K8sPSATAttestor(), GCPIITAttestor(), AzureMSIAttestor(), AzureIMDSAttestor(), AWSIIDAttestor(environment: [:]),
    ]
    for attestor in attestors {
      let error = await #expect(throws: AgentPluginError.self) { try await attestor.payload() }
      #expect(error?.message == "nodeattestor(\(attestor.name)): not configured")
    }
  }
}
