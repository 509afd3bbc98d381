import Azure
import AzureTesting
import Crypto
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
import X509

@testable import ServerPlugins

/// The server's half of `azure_imds`, against an Azure of the tests' own: documents of a test authority, which
/// `trust_bundle_path` names.
@Suite struct AzureIMDSAttestorTests {
  private let azure: TestAzure
  private let bundle: TemporaryFolder
  private let now = Date()
  private static let tenant = #"tenants = { "contoso.com" = { secret_auth = { app_id = "app", app_secret = "s" } } }"#
  private static let invalid = "InvalidArgument: failed to validate attested document: "

  init() throws {
    azure = try TestAzure()
    bundle = try TemporaryFolder()
    try PEM.encode(azure.signer.root, type: "CERTIFICATE")
      .write(toFile: bundle.file("root.pem"), atomically: true, encoding: .utf8)
  }

  private func with(
    _ configuration: String = tenant, environment: [String: String] = [:], trustsTests: Bool = true,
    _ body: @Sendable (AzureIMDSAttestor, TestHost, TestWebServer) async throws -> Void
  ) async throws {
    let trust = trustsTests ? "\ntrust_bundle_path = \"\(bundle.file("root.pem"))\"" : ""
    try await azure.run(environment: environment) { places, server in
      let host = try TestHost(now: now)
      let attestor = AzureIMDSAttestor(host: host, places: places, time: HastyTime(now))
      try attestor.configure(PluginData(text: configuration + trust))
      try await body(attestor, host, server)
    }
  }

  private func attest(
    _ attestor: AzureIMDSAttestor, _ answer: @escaping @Sendable (String) throws -> [UInt8]
  ) async throws -> Attested {
    Attested(
      try await attestor.attest(
        Array("non_empty_payload".utf8), with: TestAgentSide { try answer(String(decoding: $0, as: UTF8.self)) }))
  }

  /// An agent that answers as upstream's does, with a document of `signer`.
  private func answer(
    _ signer: AzureSigner.Signer, machine: String = TestAzure.machine, subscription: String = TestAzure.subscription,
    domain: String = "contoso.com", scaleSet: String = "null"
  ) -> @Sendable (String) throws -> [UInt8] {
    { nonce in
      TestAzure.response(
        try AzureSigner.signed(
          TestAzure.content(nonce: nonce, machine: machine, subscription: subscription), by: signer),
        domain: domain, scaleSet: scaleSet)
    }
  }

  private func says(
    _ attestor: AzureIMDSAttestor, _ answer: @escaping @Sendable (String) throws -> [UInt8]
  ) async throws -> String {
    try await refusal { try await attest(attestor, answer) }
  }

  // MARK: Machines

  @Test func aMachineIsAttestedOnce() async throws {
    let good = answer(try azure.signer.signer())
    try await with(
      #"tenants = { "contoso.com" = { allowed_vm_tags = ["environment", "team", "number", "none"] } }"#
    ) { attestor, host, server in
      let attested = try await attest(attestor, good)
      #expect(
        attested
          == Attested(
            "/azure_imds/\(TestAzure.tenant)/\(TestAzure.subscription)/\(TestAzure.machine)",
            [
              "network-security-group:frontend:webservers", "resource-group:frontend",
              "subscription-id:\(TestAzure.subscription)", "virtual-network-subnet:vnet:db",
              "virtual-network-subnet:vnet:default", "virtual-network:vnet", "vm-location:eastus", "vm-name:blog",
              "vm-tag:environment:production", "vm-tag:team:a:b",
            ], canReattest: false))
      host.known.withLock { _ = $0.insert(attested.id) }
      let asked = TestAzure.count(server, "/management")
      let said = try await says(attestor, good)
      #expect(said == "PermissionDenied: attestation data has already been used to attest an agent")
      #expect(TestAzure.count(server, "/management") == asked)
      #expect(TestAzure.count(server, "/www.microsoft.com") == 1, "the intermediate is kept")
      #expect(TestAzure.count(server, "/login.microsoftonline.com/contoso.com/.well-known/openid-configuration") == 1)
    }
  }

  @Test func aScaleSetsMachineIsFoundInItsPages() async throws {
    let signer = try azure.signer.signer()
    try await with(
      """
      tenants "contoso.com" {
        allowed_vm_tags = ["environment"], restrict_to_subscriptions = [" \(TestAzure.subscription) "]
        auth_type = "anything", token_auth { app_id = "app", token_path = "/nowhere" }
      }
      agent_path_template = "/{{ .PluginName }}/{{ .VMID | upper }}"
      """
    ) { attestor, _, _ in
      let said = try await says(
        attestor, answer(signer, machine: TestAzure.scaleSetMachine, scaleSet: #""web-set""#))
      #expect(said.hasPrefix("Internal: unable to get VMSS info: unable to read token file \"/nowhere\""), "\(said)")
    }
    try await with(
      #"""
      tenants = { "contoso.com" = { allowed_vm_tags = ["environment"] } }
      agent_path_template = "/{{ .PluginName }}/{{ .VMID | upper }}"
      """#
    ) { attestor, _, _ in
      let attested = try await attest(
        attestor, answer(signer, machine: TestAzure.scaleSetMachine, scaleSet: #""web-set""#))
      #expect(
        attested
          == Attested(
            "/azure_imds/\(TestAzure.scaleSetMachine.uppercased())",
            [
              "network-security-group:frontend:webservers", "resource-group:frontend",
              "subscription-id:\(TestAzure.subscription)", "virtual-network-subnet:vnet:default",
              "virtual-network:vnet",
              "vm-location:eastus", "vm-name:web-set_1", "vm-tag:environment:production", "vmss-name:web-set",
            ], canReattest: false))
    }
  }

  @Test func theNonceIsLettersAndDigits() {
    let nonces = Set((0..<100).map { _ in AzureIMDSAttestor.nonce() })
    #expect(nonces.count == 100)
    #expect(nonces.allSatisfy { hasForm($0, "^[a-zA-Z0-9]{32}$") })
  }

  // MARK: Documents

  @Test func contentsAreChecked() async throws {
    let signer = try azure.signer.signer()
    @Sendable func signed(_ text: String) -> @Sendable (String) throws -> [UInt8] {
      { nonce in
        TestAzure.response(
          try AzureSigner.signed(Array(text.replacingOccurrences(of: "NONCE", with: nonce).utf8), by: signer))
      }
    }
    let machine = TestAzure.machine
    let cases: [(String, String)] = [
      (#"{"nonce":"NONCE","subscriptionId":"s"}"#, "missing VM ID in attested document"),
      (#"{"nonce":"NONCE","vmId":5,"subscriptionId":"s"}"#, "missing VM ID in attested document"),
      (#"{"nonce":"NONCE","vmId":"\#(machine)"}"#, "missing subscription ID in attested document"),
      (#"{"nonce":"x","vmId":"\#(machine)","subscriptionId":"s"}"#, "nonce mismatch"),
      (#"{"vmId":"\#(machine)","subscriptionId":"s"}"#, "nonce mismatch"),
      (#"{"nonce":"NONCE","vmId":"x","subscriptionId":"s"}"#, #"invalid VM ID: invalid UUID format: "x""#),
      (
        #"{"nonce":"NONCE","vmId":"\#(machine)' or 1==1","subscriptionId":"s"}"#,
        "invalid VM ID: invalid UUID format: "
      ),
      (#"{"nonce":"NONCE","vmId":"\#(machine)","subscriptionId":"a/b"}"#, #"invalid subscription ID: "a/b""#),
      ("[]", "failed to validate attested document: failed to unmarshal attested document payload: "),
      ("no", "failed to validate attested document: failed to unmarshal attested document payload: "),
      (
        #"{"nonce":"NONCE","nonce":"x","vmId":"\#(machine)","subscriptionId":"s"}"#,
        "failed to validate attested document: failed to unmarshal attested document payload: "
      ),
    ]
    try await with { attestor, _, server in
      for (text, expected) in cases {
        let said = try await says(attestor, signed(text))
        #expect(said.hasPrefix("InvalidArgument: " + expected), "\(said)")
      }
      #expect(TestAzure.count(server, "/management") == 0)
    }
  }

  @Test func signersAreChecked() async throws {
    let authority = azure.signer
    let (good, other) = (try authority.signer(), try authority.signer(key: 1))
    @Sendable func signed(_ make: @escaping @Sendable ([UInt8]) throws -> [UInt8]) -> @Sendable (String) throws -> [UInt8] {
      { TestAzure.response(try make(TestAzure.content(nonce: $0))) }
    }
    @Sendable func by(_ signer: AzureSigner.Signer) -> @Sendable (String) throws -> [UInt8] {
      signed { try AzureSigner.signed($0, by: signer) }
    }
    let chain =
      Self.invalid + "certificate chain validation failed: unable to verify signing certificate against root CAs: "
    let cases: [(@Sendable (String) throws -> [UInt8], String)] = [
      (signed { _ in [] }, Self.invalid + "missing signature in attested document"),
      (signed { _ in [1, 2, 3] }, Self.invalid + "failed to parse PKCS7 signature: "),
      (
        signed { try AzureSigner.signed($0, by: good, signers: 2) },
        Self.invalid + "failed to parse PKCS7 signature: the message must have exactly one signer"
      ),
      (
        signed { try AzureSigner.signed($0, by: good, signers: 0) },
        Self.invalid + "failed to parse PKCS7 signature: the message must have exactly one signer"
      ),
      (
        signed { try AzureSigner.signed($0, by: good, bag: []) },
        Self.invalid + "no certificates found in PKCS7 signature"
      ),
      (
        signed { try AzureSigner.signed($0, by: good, bag: [other.certificate]) },
        Self.invalid + "expected exactly one signer certificate in PKCS7 signature"
      ),
      (
        signed { content in
          var bytes = try AzureSigner.signed(content, by: good)
          bytes[bytes.count - 1] ^= 1
          return bytes
        }, Self.invalid + "signature verification failed: "
      ),
      (
        by(try authority.signer(names: ["metadata.azure.com.evil.test"])),
        Self.invalid + "signing certificate validation failed: certificate does not have any valid domain in SAN "
          + "(found SANs=[metadata.azure.com.evil.test], allowed domains=[metadata.azure.com])"
      ),
      (by(try authority.signer(names: ["evilmetadata.azure.com"])), Self.invalid + "signing certificate validation"),
      (by(try authority.signer(names: [])), Self.invalid + "signing certificate validation failed: "),
      (by(try authority.signer(lifetime: -60)), chain + "x509: certificate has expired or is not yet valid: "),
      (
        by(try authority.signer(usages: [.clientAuth])), chain + "x509: certificate specifies an incompatible key usage"
      ),
      (by(try authority.signer(selfSigned: true)), chain + "x509: certificate signed by unknown authority"),
    ]
    try await with { attestor, _, server in
      for (answer, expected) in cases {
        let said = try await says(attestor, answer)
        #expect(said.hasPrefix(expected), "\(said)")
      }
      #expect(TestAzure.count(server, "/management") == 0)
      for names in [["metadata.azure.com"], ["x.test", "a.b.METADATA.azure.com"]] {
        _ = try await attest(attestor, by(try authority.signer(names: names)))
      }
      _ = try await attest(attestor, by(try authority.signer(usages: [])))
    }
    try await with(Self.tenant + "\nallowed_metadata_domains = [\"metadata.azure.us\"]") { attestor, _, _ in
      let said = try await says(attestor, by(good))
      #expect(said.hasPrefix(Self.invalid + "signing certificate validation failed: "))
      _ = try await attest(attestor, by(try authority.signer(names: ["x.metadata.azure.us"])))
    }
    try await with(trustsTests: false) { attestor, _, _ in
      let said = try await says(attestor, by(good))
      #expect(said.hasPrefix(Self.invalid + "failed to get intermediate certificate: "), "\(said)")
    }
  }

  @Test(arguments: [
    #"{"document":{"signature":5}}"#, #"{"document":5}"#, "x", #"{"metadata":{"vmssName":5}}"#, "[]",
    #"{"metadata":{"agentDomain":[]}}"#,
  ])
  func responsesAreReadOrRefused(_ text: String) async throws {
    try await with { attestor, _, _ in
      let said = try await says(attestor) { _ in Array(text.utf8) }
      #expect(said.hasPrefix("InvalidArgument: failed to unmarshal data payload: "), "\(said)")
    }
  }

  @Test func largeAndEmptyResponses() async throws {
    try await with { attestor, _, _ in
      let nothing = try await says(attestor) { _ in [] }
      #expect(nothing == "InvalidArgument: missing attestation payload")
      let empty = try await says(attestor) { _ in Array("{}".utf8) }
      #expect(empty == Self.invalid + "missing signature in attested document")
      let large = #"{"document":{"signature":"\#(String(repeating: "A", count: 140_000))"}}"#
      let said = try await says(attestor) { _ in Array(large.utf8) }
      #expect(said == Self.invalid + "the signature has more than 131072 bytes")
    }
  }

  // MARK: The intermediate

  @Test(arguments: [
    "http://169.254.169.254/metadata/identity", "http://www.microsoft.com.evil.test/x",
    "http://www.microsoft.com:8080/x",
    "http://evil.test/www.microsoft.com", "http://www.microsoft.com@evil.test/", "ldap://www.microsoft.com/x",
    "//www.microsoft.com/x", "http://127.0.0.1/", "http://[::1]/", "",
  ])
  func issuersElsewhereAreNotAskedFor(_ url: String) async throws {
    let signer = try azure.signer.signer(issuers: [url])
    try await with { attestor, _, server in
      let said = try await says(attestor, answer(signer))
      #expect(said.hasPrefix(Self.invalid + "failed to get intermediate certificate: "), "\(said)")
      #expect(server.script.requests.isEmpty)
    }
  }

  @Test func theIntermediateComesAsPEMToo() async throws {
    let pem = PEM.encode(azure.signer.issuer, type: "CERTIFICATE")
    azure.replace("/www.microsoft.com/", pem)
    let signer = try azure.signer.signer()
    try await with { attestor, _, _ in _ = try await attest(attestor, answer(signer)) }
  }

  @Test func intermediatesOfNoUse() async throws {
    let signer = try azure.signer.signer()
    let stranger = try AzureSigner()
    let answers: [TestWebServer.Answer] = [
      .page(404, [], []), .page(503, [], []), .endless, .hangUp, .page(200, [], []), .page(200, [], [0x30, 0x80]),
      .page(302, [("Location", "/www.microsoft.com/real")], []), .page(200, [], stranger.issuer),
      .page(200, [], [UInt8](repeating: 0x30, count: 70_000)),
    ]
    azure.replace("/www.microsoft.com/real") { [azure] _ in .page(200, [], azure.signer.issuer) }
    for answer in answers {
      azure.replace("/www.microsoft.com/pkiops") { _ in answer }
      try await with { attestor, _, server in
        for _ in 0..<2 {
          let said = try await says(attestor, self.answer(signer))
          #expect(said.hasPrefix(Self.invalid + "failed to get intermediate certificate: "), "\(said)")
        }
        #expect(TestAzure.count(server, "/www.microsoft.com/real") == 0)
        #expect(TestAzure.count(server, "/www.microsoft.com") >= 2, "failures are not kept")
      }
    }
  }

  // MARK: Tenants and subscriptions

  @Test func onlyConfiguredTenantsAndSubscriptions() async throws {
    let signer = try azure.signer.signer()
    try await with(
      #"tenants = { "contoso.com" = { restrict_to_subscriptions = ["other"] } }"#
    ) { attestor, _, server in
      let said = try await says(attestor, answer(signer))
      #expect(said == #"PermissionDenied: subscription "\#(TestAzure.subscription)" is not authorized"#)
      for domain in ["fabrikam.com", "", "Contoso.com", "../common", "contoso.com/x"] {
        let said = try await says(attestor, answer(signer, domain: domain))
        #expect(said == #"PermissionDenied: tenant "\#(domain)" is not authorized"#)
      }
      #expect(TestAzure.count(server, "/login") == 0)
    }
  }

  @Test(arguments: [
    (404, "{}", "GET https://login.microsoftonline.com answers with status 404"),
    (200, "{}", #"malformed tenant ID: """#),
    (200, #"{"issuer":"https://evil.test/x/"}"#, #"malformed tenant ID: "https://evil.test/x/""#),
    (200, "x", "GET https://login.microsoftonline.com: the answer is no JSON: "),
  ])
  func tenantsThatAreNotFound(_ status: Int, _ text: String, _ expected: String) async throws {
    azure.replace("/login.microsoftonline.com/contoso.com", status: status, text)
    let signer = try azure.signer.signer()
    try await with { attestor, _, _ in
      let said = try await says(attestor, answer(signer))
      #expect(said.hasPrefix("Internal: unable to lookup tenant ID: " + expected), "\(said)")
    }
  }

  // MARK: What Azure says of machines

  @Test func machinesThatAreNotFound() async throws {
    let signer = try azure.signer.signer()
    let unknown = "00000000-0000-0000-0000-000000000001"
    try await with { attestor, _, server in
      #expect(try await says(attestor, answer(signer, machine: unknown)) == "NotFound: resource not found")
      #expect(
        try await says(attestor, answer(signer, scaleSet: #""no-set""#)) == "NotFound: resource not found")
      #expect(
        try await says(attestor, answer(signer, machine: unknown, scaleSet: #""web-set""#))
          == #"Internal: VMSS instance "\#(unknown)" not found"#)
      let asked = server.script.requests.count
      for (name, why) in [
        ("", "must be at least 1 character(s) long, got 0"),
        (String(repeating: "x", count: 65), "must be at most 64 characters long, got 65"),
        ("a'b", "can only contain alphanumeric characters, underscores, periods, and hyphens"),
        ("../x", "can only contain alphanumeric characters, underscores, periods, and hyphens"),
        (".a", "must start with an alphanumeric character"), ("a-", "must end with an alphanumeric character or an"),
        ("a.", "must end with an alphanumeric character or an underscore"), ("..", "must start with"),
      ] {
        let said = try await says(attestor, answer(signer, scaleSet: #""\#(name)""#))
        #expect(said.hasPrefix("InvalidArgument: invalid VMSS name: VMSS name " + why), "\(said)")
      }
      #expect(server.script.requests.count == asked)
    }
  }

  @Test(arguments: [
    (
      #"{"totalRecords":2,"data":[{},{}]}"#, "Internal: expected one result for resource at most"
    ),
    (
      #"{"totalRecords":1,"data":[{}]}"#,
      "PermissionDenied: the virtual machine is not in the tenant that its agent names"
    ),
    (
      #"{"totalRecords":1,"data":[{"tenantId":"other"}]}"#,
      "PermissionDenied: the virtual machine is not in the tenant that its agent names"
    ),
    (
      #"{"totalRecords":1,"data":[{"tenantId":"\#(TestAzure.tenant)"}]}"#,
      "Internal: unable to get virtual machine: the virtual machine has no name"
    ),
    (
      #"{"totalRecords":1,"data":[{"tenantId":"\#(TestAzure.tenant)","name":"n","location":"l","resourceGroup":"g","#
        + #""id":"x","vmId":"\#(TestAzure.machine)"}]}"#,
      #"Internal: unable to get virtual machine: malformed virtual machine ID "x""#
    ),
    ("{}", "NotFound: resource not found"), ("[", "Internal: unable to get virtual machine: POST "),
  ])
  func rowsThatAreOfNoUse(_ answer: String, _ expected: String) async throws {
    azure.replace("/management.azure.com/providers/Microsoft.ResourceGraph", answer)
    let signer = try azure.signer.signer()
    try await with { attestor, _, _ in
      let said = try await says(attestor, self.answer(signer))
      #expect(said.hasPrefix(expected), "\(said)")
    }
  }

  @Test func anotherMachinesRowIsNotUsed() async throws {
    let other =
      "/subscriptions/\(TestAzure.subscription)/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/other"
    azure.replace(
      "/management.azure.com/providers/Microsoft.ResourceGraph",
      """
      {"totalRecords":1,"data":[{"tenantId":"\(TestAzure.tenant)","name":"n","location":"l","resourceGroup":"g",
      "id":"\(other)","vmId":"\(TestAzure.scaleSetMachine)"}]}
      """)
    let signer = try azure.signer.signer()
    try await with { attestor, _, _ in
      let said = try await says(attestor, answer(signer))
      #expect(said.hasPrefix("Internal: unable to get virtual machine: malformed virtual machine ID"), "\(said)")
    }
  }

  @Test func outagesOfAzure() async throws {
    let signer = try azure.signer.signer()
    for answer in [TestWebServer.Answer.page(429, [], []), .page(503, [], []), .endless, .hangUp] {
      azure.replace("/management.azure.com/") { _ in answer }
      try await with { attestor, _, _ in
        let said = try await says(attestor, self.answer(signer))
        #expect(said.hasPrefix("Internal: unable to get virtual machine: POST https://management.azure.com"), "\(said)")
      }
    }
  }

  @Test func whateverAzureSaysIsReadOrRefused() throws {
    let member = """
      {"name":"web-set_1","location":"eastus","tags":{"a":"b"},"properties":{"vmId":"1","networkProfileConfiguration":
      {"networkInterfaceConfigurations":[{"name":"nic","properties":{"networkSecurityGroup":
      {"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/w"},"ipConfigurations":
      [{"properties":{"subnet":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"}}
      }]}}]}}}
      """
    for bytes in Mutations(of: member, count: 3000) {
      guard let json = try? JSONValue(parsing: bytes) else { continue }
      if let machine = try? AzureIMDSMachine(member: json, scaleSet: "s", resourceGroup: "g") {
        #expect(!machine.name.isEmpty && !machine.location.isEmpty)
      }
      _ = AzureIMDSMachine.interfaces(rows: [json])
      _ = try? AzureIMDSMachine(row: json)
    }
  }

  // MARK: Configuration

  @Test(arguments: [
    ("", "configuration must have at least one tenant"),
    (
      #"tenants = { "c.com" = { secret_auth = { app_id = "a" } } }"#,
      #"misconfigured tenant "c.com": missing app secret"#
    ),
    (
      #"tenants = { "c.com" = { secret_auth = { app_secret = "a" } } }"#,
      #"misconfigured tenant "c.com": missing app id"#
    ),
    (
      #"tenants = { "c.com" = { token_auth = {} } }"#,
      #"misconfigured tenant "c.com": missing token file path; misconfigured tenant "c.com": missing app id"#
    ),
    (
      #"tenants = { "c.com" = { token_auth = { app_id = "a", token_path = "b" }, secret_auth = { app_id = "a" } } }"#,
      #"misconfigured tenant "c.com": only one of secret_auth or token_auth may be specified in the config"#
    ),
    (
      #"tenants = { "c.com" = { restrict_to_subscriptions = ["a", "  "] } }"#,
      #"misconfigured tenant "c.com": restrict_to_subscriptions entries must be non-empty"#
    ),
    (#"tenants = { "a/../b" = {} }"#, #"unable to lookup tenant ID: "a/../b" is no domain"#),
    (
      #"tenants = { "c.com" = {} }, agent_path_template = "/{{ .Nothing }}""#,
      #"failed to parse agent path template: "/{{ .Nothing }}""#
    ),
    (#"tenants = { "c.com" = {} }, allowed_metadata_domains = [""]"#, #"allowed_metadata_domains: "" is no domain"#),
    (
      #"tenants = { "c.com" = {} }, trust_bundle_path = "/nowhere""#,
      #"unable to load trust bundle "/nowhere": trust_bundle_path /nowhere: no such file or directory"#
    ),
    ("tenants = 5", "unable to decode configuration: "),
  ])
  func configurationIsChecked(_ text: String, _ expected: String) async throws {
    let said = try await refusal { try AzureIMDSSettings(PluginData(text: text)) }
    #expect(said.hasPrefix("InvalidArgument: " + expected), "\(said)")
  }

  @Test func theTrustBundleHasAuthoritiesOnly() async throws {
    let leaf = try azure.signer.signer().certificate
    try PEM.encode(leaf, type: "CERTIFICATE").write(
      toFile: bundle.file("leaf.pem"), atomically: true, encoding: .utf8)
    let text = "\(Self.tenant)\ntrust_bundle_path = \"\(bundle.file("leaf.pem"))\""
    let said = try await refusal { try AzureIMDSSettings(PluginData(text: text)) }
    #expect(
      said == "InvalidArgument: trust bundle \"\(bundle.file("leaf.pem"))\" contains a non-CA certificate (subject "
        + "\"CN=eastus.metadata.azure.com\")")
  }

  /// The fingerprints that DigiCert and Microsoft publish.
  @Test func theRootsAreThePublicOnes() throws {
    let fingerprints = try AzureRoots.certificates.map { text in
      SHA256.hash(data: try Base64.decode(text)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
        .joined()
    }
    #expect(
      fingerprints == [
        "cb3ccbb76031e5e0138f8dd39a23f9de47ffc35e43c1144cea27d46a5ab1cb5f",
        "4348a0e9444c78cb265e058d5e8944b4d84f9662bd26db257f8934a443c70161",
        "6a170583db584151e1c454eeca2a64cc5d8e484a5bd1156e720b4458654ee9e5",
        "ddcd1e8a20638d4aaff7201bb1d56452acd2c759f1686bdc38f73dd15732bdc2",
      ])
    let settings = try AzureIMDSSettings(PluginData(text: Self.tenant))
    // The second of Microsoft's, which DigiCert signed, leads to DigiCert's.
    let crossSigned = try Base64.decode(AzureRoots.certificates[3])
    let date = try #require(ISO8601DateFormatter().date(from: "2026-11-22T00:00:00Z"))
    let chain = try settings.roots.verify(leaf: crossSigned, intermediates: [], at: date)
    #expect(chain.paths.contains { $0.count == 2 })
  }

  @Test func nothingWorksUnconfigured() async throws {
    let places = AzurePlaces(security: .init(.unverified), environment: [:])
    let attestor = AzureIMDSAttestor(host: try TestHost(), places: places, time: HastyTime(now))
    let said = try await says(attestor) { _ in [] }
    #expect(said == "FailedPrecondition: not configured")
  }
}
