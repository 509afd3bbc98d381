import Azure
import AzureTesting
import Daemon
import DaemonTesting
import Foundation
import HTTP
import HTTPTesting
import Mutations
import NIOHTTP1
import NodeAttestorTesting
import Plugins
import SPIFFE
import Synchronization
import Testing

@testable import ServerPlugins

/// The server's half of `azure_msi`, against an Azure of the tests' own.
@Suite struct AzureMSIAttestorTests {
  private let azure: TestAzure
  private let now = Date()
  private static let tenant = TestAzure.tenant
  private static let access = """
    tenants = { "\(tenant)" = { subscription_id = "\(TestAzure.subscription)", app_id = "app", app_secret = "s" } }
    """
  private static let selectors = [
    "network-security-group:frontend:webservers", "subscription-id:\(TestAzure.subscription)",
    "virtual-network-subnet:backend:vnet2:db", "virtual-network-subnet:frontend:vnet:default",
    "virtual-network:backend:vnet2", "virtual-network:frontend:vnet", "vm-name:frontend:blog",
  ]

  init() throws { azure = try TestAzure() }

  private func with(
    _ configuration: String = access, environment: [String: String] = [:],
    _ body: @Sendable (AzureMSIAttestor, TestHost, TestWebServer) async throws -> Void
  ) async throws {
    try await azure.run(environment: environment) { places, server in
      let host = try TestHost(now: now)
      let attestor = AzureMSIAttestor(host: host, places: places, time: HastyTime(now))
      try attestor.configure(PluginData(text: configuration))
      try await body(attestor, host, server)
    }
  }

  private func says(_ attestor: AzureMSIAttestor, _ payload: [UInt8]) async throws -> String {
    try await refusal { try await attest(attestor, payload) }
  }

  private func attest(_ attestor: AzureMSIAttestor, _ payload: [UInt8]) async throws -> Attested {
    Attested(try await attestor.attest(payload, with: TestAgentSide { _ in [] }))
  }

  private func claims(
    tenant: String = tenant, audience: String = #""https://management.azure.com/""#, more: String? = nil,
    principal: String = TestAzure.principal
  ) -> String {
    let end = Int(now.timeIntervalSince1970) + 3600
    return #"{"aud":\#(audience),"sub":"\#(principal)","tid":"\#(tenant)"\#(more ?? ",\"exp\":\(end)")}"#
  }

  @Test func aMachineIsAttestedOnce() async throws {
    let payload = try TestAzure.payload(at: now)
    try await with { attestor, host, server in
      let attested = try await attest(attestor, payload)
      #expect(
        attested
          == Attested("/azure_msi/\(Self.tenant)/\(TestAzure.principal)", Self.selectors, canReattest: false))
      let list = try #require(server.script.requests.first { $0.uri.contains("/resources?") })
      #expect(
        list.uri
          == "/management.azure.com/subscriptions/\(TestAzure.subscription)/resources?api-version=2021-04-01&%24filter="
          + "resourceType%20eq%20%27Microsoft.Compute%2FvirtualMachines%27%20and%20identity%2FprincipalId%20eq%20%27"
          + "\(TestAzure.principal)%27")
      host.known.withLock { _ = $0.insert(attested.id) }
      let before = server.script.requests.count
      let said = try await says(attestor, payload)
      #expect(said == "PermissionDenied: attestation data has already been used to attest an agent")
      #expect(server.script.requests.count == before, "nothing is asked for whom has been here")
    }
  }

  @Test func theMachinesOwnIdentityIsEnough() async throws {
    let payload = try TestAzure.payload(claims: claims(audience: #"["x","http://example.org/app/"]"#), at: now)
    let configuration = """
      tenants { "\(Self.tenant)" { resource_id = "http://example.org/app/" } }
      agent_path_template = "/a/{{ .TenantID }}/{{ .PrincipalID | trunc 8 }}{{ .Subject }}/{{ now | base }}"
      """
    // `now` is none of the functions that paths may use.
    #expect(throws: ServerPluginError.self) { try AzureMSISettings(PluginData(text: configuration)) }
    try await with(
      configuration.replacing("{{ now | base }}", with: "{{ .Expiry }}-{{ index .Audience 1 | base }}"),
      environment: ["AZURE_CLIENT_ID": "c"]
    ) { attestor, _, server in
      let attested = try await attest(attestor, payload)
      let end = Int(now.timeIntervalSince1970) + 3600
      #expect(
        attested == Attested("/a/\(Self.tenant)/5d0ab4f1/\(end)-app", Self.selectors, canReattest: false))
      _ = try await attest(attestor, payload)
      #expect(TestAzure.count(server, "/169.254.169.254/metadata/instance?api-version=2025-04-07&format=json") == 1)
      #expect(server.script.requests.contains { $0.uri.hasSuffix("&client_id=c") })
    }
  }

  @Test func claimsAreChecked() async throws {
    let soon = Int(now.timeIntervalSince1970)
    let cases: [(String, String)] = [
      (claims(tenant: ""), "Internal: token missing tenant ID claim"),
      (claims(principal: ""), "Internal: token missing subject claim"),
      (claims(tenant: "other"), #"PermissionDenied: tenant "other" is not authorized"#),
      (
        claims(audience: #""https://graph.microsoft.com/""#),
        "Internal: unable to validate token claims: go-jose/go-jose/jwt: validation failed, invalid audience claim (aud)"
      ),
      (
        claims(more: #","exp":\#(soon - 301)"#),
        "Internal: unable to validate token claims: go-jose/go-jose/jwt: validation failed, token is expired (exp)"
      ),
      (
        claims(more: #","exp":\#(soon + 60),"nbf":\#(soon + 301)"#),
        "Internal: unable to validate token claims: go-jose/go-jose/jwt: validation failed, token not valid yet (nbf)"
      ),
      (claims(principal: "a/b"), "Internal: unable to make agent ID: \"a/b\" comes from the node and has a slash"),
      (claims(principal: ".."), "Internal: unable to make agent ID: failed to make spiffe id: "),
      (claims(principal: "a.b"), #"Internal: unable to get resource for principal "a.b": principal "a.b" not found"#),
    ]
    try await with { attestor, _, _ in
      for (claims, expected) in cases {
        let said = try await says(attestor, TestAzure.payload(claims: claims, at: now))
        #expect(said.hasPrefix(expected), "\(said)")
      }
      for claims in [
        claims(more: #","exp":\#(soon - 299)"#), claims(more: #","exp":\#(soon + 60),"nbf":\#(soon + 299)"#),
      ] { _ = try await attest(attestor, TestAzure.payload(claims: claims, at: now)) }
    }
  }

  @Test func tokensAreChecked() async throws {
    let good = String(decoding: try TestAzure.payload(at: now), as: UTF8.self)
    let cases: [(String, String)] = [
      ("", "missing attestation payload"), ("x", "failed to unmarshal data payload: "),
      (#"{"token":5}"#, "failed to unmarshal data payload: json: token is not a string"),
      ("{}", "missing token from attestation data"), (#"{"token":"a.b"}"#, "unable to parse token: "),
      (
        String(decoding: try TestAzure.payload(header: #"{"alg":"RS256","kid":"k2"}"#, at: now), as: UTF8.self),
        #"key id "k2" not found"#
      ),
      (
        String(decoding: try TestAzure.payload(header: #"{"alg":"RS256"}"#, at: now), as: UTF8.self),
        "token missing key id"
      ),
      (
        String(decoding: try TestAzure.payload(header: #"{"alg":"RS384","kid":"k1"}"#, at: now), as: UTF8.self),
        "unable to verify token: go-jose/go-jose: error in cryptographic primitive"
      ),
      (
        String(decoding: try TestAzure.payload(header: #"{"alg":"none","kid":"k1"}"#, at: now), as: UTF8.self),
        "unable to parse token: unexpected signature algorithm"
      ),
      (
        String(decoding: try TestAzure.payload(header: #"{"alg":"HS256","kid":"k1"}"#, at: now), as: UTF8.self),
        "unable to parse token: unexpected signature algorithm"
      ),
      (good.replacingOccurrences(of: ".", with: "..", options: [], range: nil), "unable to parse token: "),
    ]
    try await with { attestor, _, server in
      for (payload, expected) in cases {
        let said = try await says(attestor, Array(payload.utf8))
        #expect(said.hasPrefix("InvalidArgument: " + expected), "\(said)")
      }
      #expect(TestAzure.count(server, "/management") == 0, "nothing is asked before the signature is verified")
      // Names in other letter cases, as Go reads them.
      _ = try await attest(attestor, Array(good.replacingOccurrences(of: "\"token\"", with: "\"Token\"").utf8))
    }
  }

  @Test func outagesAreToldApart() async throws {
    let payload = try TestAzure.payload(at: now)
    let keys = "/login.microsoftonline.com/common/discovery/keys"
    for answer in [TestWebServer.Answer.page(503, [], []), .endless, .hangUp, .page(200, [], Array("[]".utf8))] {
      azure.replace(keys) { _ in answer }
      try await with { attestor, _, _ in
        let said = try await says(attestor, payload)
        #expect(said.hasPrefix("Internal: unable to obtain JWKS: "), "\(said)")
      }
    }
  }

  @Test func theOneMachineMustBeFound() async throws {
    let payload = try TestAzure.payload(at: now)
    let resources = "/management.azure.com/subscriptions/\(TestAzure.subscription)/resources"
    let principal = #"Internal: unable to get resource for principal "\#(TestAzure.principal)": "#
    let cases: [(Int, String, String)] = [
      (200, #"{"value":[]}"#, principal + #"principal "\#(TestAzure.principal)" not found"#),
      (
        200, #"{"value":[{"id":"a"},{"id":"b"}]}"#,
        principal + #"expected one result for principal "\#(TestAzure.principal)" at most"#
      ),
      (200, #"{"value":[{}]}"#, principal + "virtual machine resource missing ID"),
      (200, #"{"value":[{"id":"/a/b"}]}"#, #"Internal: malformed virtual machine ID "/a/b""#),
      (
        403, #"{"error":{"code":"AuthorizationFailed","message":"no"}}"#,
        principal + "unable to list virtual machine by principal: GET https://management.azure.com answers with status "
          + #"403: "AuthorizationFailed: no""#
      ),
      (200, "{}", principal + "unable to list virtual machine by principal: Azure answers with what is no list"),
    ]
    for (status, answer, expected) in cases {
      azure.replace(resources, status: status, answer)
      try await with { attestor, _, _ in
        let said = try await says(attestor, payload)
        #expect(said == expected)
      }
    }
    // Two on two pages are two, too.
    azure.replace(resources) { request in
      let link = #","nextLink":"https:\#(resources.replacingOccurrences(of: "/management", with: "//management"))?p=2""#
      return .page(
        200, [], Array(#"{"value":[{"id":"a"}]\#(request.head.uri.contains("p=2") ? "" : link)}"#.utf8))
    }
    try await with { attestor, _, _ in
      let said = try await says(attestor, payload)
      #expect(said == principal + #"expected one result for principal "\#(TestAzure.principal)" at most"#)
    }
  }

  @Test(arguments: [
    ("Microsoft.Compute/virtualMachines/blog", 404, "{}", #"unable to get virtual machine "frontend:blog": GET "#),
    ("Microsoft.Network/networkInterfaces/nic2", 429, "{}", #"unable to get network interface "frontend:nic2": GET "#),
    (
      "Microsoft.Compute/virtualMachines/blog", 200,
      #"{"properties":{"networkProfile":{"networkInterfaces":[{"id":"x"}]}}}"#, #"malformed network interface ID "x""#
    ),
    (
      "Microsoft.Network/networkInterfaces/nic1", 200, #"{"properties":{"networkSecurityGroup":{"id":"x"}}}"#,
      #"malformed network security group ID "x""#
    ),
    (
      "Microsoft.Network/networkInterfaces/nic1", 200,
      #"{"properties":{"ipConfigurations":[{"properties":{"subnet":{"id":"x"}}}]}}"#,
      #"malformed virtual network subnet ID "x""#
    ),
  ])
  func partsThatAreMissing(_ path: String, _ status: Int, _ answer: String, _ expected: String) async throws {
    let payload = try TestAzure.payload(at: now)
    azure.replace(
      "/management.azure.com/subscriptions/\(TestAzure.subscription)/resourceGroups/frontend/providers/\(path)",
      status: status, answer)
    try await with { attestor, _, _ in
      let said = try await says(attestor, payload)
      #expect(said.hasPrefix("Internal: " + expected), "\(said)")
    }
  }

  @Test func withoutMetadataThereIsNoSubscription() async throws {
    let payload = try TestAzure.payload(at: now)
    for (answer, expected) in [
      ("{}", "response missing instance name"),
      (#"{"compute":{"name":"n"}}"#, "response missing instance subscription id"),
      (#"{"compute":{"name":"n","subscriptionId":"s"}}"#, "response missing instance resource group name"),
    ] {
      azure.replace("/169.254.169.254/metadata/instance", answer)
      try await with("tenants = { \"\(Self.tenant)\" = {} }") { attestor, _, _ in
        let said = try await says(attestor, payload)
        #expect(said == "Internal: unable to get the subscription of the server's own machine: " + expected)
      }
    }
  }

  @Test(arguments: [
    ("", "configuration must have at least one tenant"),
    ("tenants = {}", "configuration must have at least one tenant"),
    (
      #"tenants = { "t" = { app_id = "a" } }"#,
      #"misconfigured tenant "t": missing subscription id; misconfigured tenant "t": missing app secret"#
    ),
    (
      #"tenants = { "t" = { subscription_id = "a" } }"#,
      #"misconfigured tenant "t": missing app id; misconfigured tenant "t": missing app secret"#
    ),
    (
      #"tenants = { "t" = { subscription_id = "a/b", app_id = "a", app_secret = "s" } }"#,
      #"misconfigured tenant "t": "a/b" is no subscription id"#
    ),
    (#"tenants = { "../x" = {} }"#, #"unable to get tenant client credential: "../x" is no ID of a tenant"#),
    (
      #"tenants = { "t" = {} }, agent_path_template = "/{{ .Nothing }}""#,
      #"failed to parse agent path template: "/{{ .Nothing }}""#
    ),
    ("tenants = 5", "unable to decode configuration: "), ("{", "unable to decode configuration: "),
  ])
  func configurationIsChecked(_ text: String, _ expected: String) async throws {
    let said = try await refusal { try AzureMSISettings(PluginData(text: text)) }
    #expect(said.hasPrefix("InvalidArgument: " + expected), "\(said)")
  }

  @Test func nothingWorksUnconfigured() async throws {
    let places = AzurePlaces(security: .init(.unverified), environment: [:])
    let attestor = AzureMSIAttestor(host: try TestHost(), places: places, time: HastyTime(now))
    let said = try await says(attestor, [])
    #expect(said == "FailedPrecondition: not configured")
  }

  @Test func payloadsAreReadOrRefused() throws {
    for bytes in Mutations(of: #"{"token":"a.b.c","x":[null,{"token":1}]}"#, count: 3000) {
      guard let token = try? AzureMessages.msiToken(bytes) else { continue }
      #expect(!token.isEmpty)
    }
    for bytes in Mutations(of: TestAzure.response([1, 2, 3], scaleSet: #""set""#), count: 3000) {
      _ = try? AzureMessages.AttestedDocument(bytes)
    }
  }
}
