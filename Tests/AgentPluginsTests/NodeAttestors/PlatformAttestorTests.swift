import Foundation
import HTTPTesting
import NIOHTTP1
import NodeProofTesting
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

  /// The bytes to the server, and the address with a path that upstream's documentation has.
  @Test(arguments: ["", "/", "/latest", "/latest/"]) func amazonsBytesArePassedOn(_ path: String) async throws {
    func part(_ name: String) throws -> [UInt8] { Array(try NodeProofFixtures.text("aws_iid/\(name)").utf8) }
    let parts = [
      "/latest/dynamic/instance-identity/document": try part("document"),
      "/latest/dynamic/instance-identity/signature": try part("signature"),
      "/latest/dynamic/instance-identity/rsa2048": try part("rsa2048"), "/latest/api/token": Array("t".utf8),
    ]
    let answer: @Sendable (String) -> TestWebServer.Answer = { uri in
      .page(parts[uri] == nil ? 404 : 200, [], parts[uri] ?? [])
    }
    try await TestWebServer.with(nil, answer: answer) { server in
      let attestor = AWSIIDAttestor(environment: [:])
      try attestor.configure(data(#"ec2_metadata_endpoint = "http://127.0.0.1:\#(server.port)\#(path)""#))
      let payload = try await attestor.payload()
      #expect(try payload == NodeProofFixtures.message("aws_iid-payload"))
    }
  }

  /// As Amazon's client does: without a token where none is to be had, unless that was forbidden. Tokens that were asked
  /// for wrongly, and services that send somewhere else, are errors.
  @Test func aServiceThatGivesNoTokenIsAskedWithoutOne() async throws {
    func said(_ token: TestWebServer.Answer, _ environment: [String: String] = [:]) async throws -> String {
      try await TestWebServer.with(nil, answer: { uri in uri == "/latest/api/token" ? token : page("x") }) { server in
        let attestor = AWSIIDAttestor(
          environment: environment.merging(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:\(server.port)"]) {
            $1
          })
        try attestor.configure(data(""))
        do { return text(try await attestor.payload()) } catch { return "\(error)" }
      }
    }
    let payload = #"{"document":"x","signature":"x","rsa2048":"x"}"#
    for token in [TestWebServer.Answer.hangUp, .page(403, [], []), .page(500, [], [])] {
      #expect(try await said(token) == payload)
      #expect(try await said(token, ["AWS_EC2_METADATA_V1_DISABLED": "true"]).contains("unable to retrieve IMDS token"))
    }
    for token in [TestWebServer.Answer.page(400, [], []), .redirection("http://127.0.0.1:1/"), .endless] {
      #expect(try await said(token).contains("unable to retrieve IMDS token"))
    }
  }

  /// Each service of a machine may be somebody else, where a container or a network is not what it should be.
  @Test(arguments: [
    TestWebServer.Answer.redirection("http://169.254.169.254/latest/"), .endless,
    .page(200, [("X-Padding", String(repeating: "x", count: 128 << 10))], []),
    .page(200, [("Content-Encoding", "gzip")], [0x1F, 0x8B, 0x08, 0x00]),
  ])
  func servicesThatMisbehaveGetNowhere(_ answer: TestWebServer.Answer) async throws {
    try await TestWebServer.with(nil, answer: { uri in uri == "/latest/api/token" ? .page(404, [], []) : answer }) {
      server in
      let place = "127.0.0.1:\(server.port)"
      let (aws, google, msi, imds) = (
        AWSIIDAttestor(environment: ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://" + place]), GCPIITAttestor(),
        AzureMSIAttestor(host: place), AzureIMDSAttestor(host: place)
      )
      try aws.configure(data(""))
      try google.configure(data(#"identity_token_host = "\#(place)""#))
      try msi.configure(data(""))
      try imds.configure(data(#"tenant_domain = "contoso.com""#))
      for attestor in [aws, google, msi] as [any PlatformAttestor] {
        let error = await #expect(throws: AgentPluginError.self) { try await attestor.payload() }
        #expect(error?.message.contains("unable to retrieve ") == true)
      }
      let error = await #expect(throws: AgentPluginError.self) { try await imds.response(to: [65]) }
      #expect(error?.message.contains("unable to retrieve ") == true)
      #expect(server.script.requests.count == 5)
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
