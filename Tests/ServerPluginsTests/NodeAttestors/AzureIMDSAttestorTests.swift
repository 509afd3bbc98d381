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

/// The server's half of `azure_imds`, against an Azure of the tests' own: machines, tenants, subscriptions, settings.
@Suite struct AzureIMDSAttestorTests {
  private let bench: AzureIMDSBench

  init() throws { bench = try AzureIMDSBench() }

  // MARK: Machines

  @Test func aMachineIsAttestedOnce() async throws {
    let good = bench.answer(try bench.azure.signer.signer())
    try await bench.with(
      #"tenants = { "contoso.com" = { allowed_vm_tags = ["environment", "team", "number", "none"] } }"#
    ) { attestor, host, server in
      let attested = try await bench.attest(attestor, good)
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
      let said = try await bench.says(attestor, good)
      #expect(said == "PermissionDenied: attestation data has already been used to attest an agent")
      #expect(TestAzure.count(server, "/management") == asked)
      #expect(TestAzure.count(server, "/www.microsoft.com") == 1, "the intermediate is kept")
      #expect(TestAzure.count(server, "/login.microsoftonline.com/contoso.com/.well-known/openid-configuration") == 1)
    }
  }

  @Test func aScaleSetsMachineIsFoundInItsPages() async throws {
    let signer = try bench.azure.signer.signer()
    try await bench.with(
      """
      tenants "contoso.com" {
        allowed_vm_tags = ["environment"], restrict_to_subscriptions = [" \(TestAzure.subscription) "]
        auth_type = "anything", token_auth { app_id = "app", token_path = "/nowhere" }
      }
      agent_path_template = "/{{ .PluginName }}/{{ .VMID | upper }}"
      """
    ) { attestor, _, _ in
      let said = try await bench.says(
        attestor, bench.answer(signer, machine: TestAzure.scaleSetMachine, scaleSet: #""web-set""#))
      #expect(said.hasPrefix("Internal: unable to get VMSS info: unable to read token file \"/nowhere\""), "\(said)")
    }
    try await bench.with(
      #"""
      tenants = { "contoso.com" = { allowed_vm_tags = ["environment"] } }
      agent_path_template = "/{{ .PluginName }}/{{ .VMID | upper }}"
      """#
    ) { attestor, _, _ in
      let attested = try await bench.attest(
        attestor, bench.answer(signer, machine: TestAzure.scaleSetMachine, scaleSet: #""web-set""#))
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

  // MARK: Tenants and subscriptions

  @Test func onlyConfiguredTenantsAndSubscriptions() async throws {
    let signer = try bench.azure.signer.signer()
    try await bench.with(
      #"tenants = { "contoso.com" = { restrict_to_subscriptions = ["other"] } }"#
    ) { attestor, _, server in
      let said = try await bench.says(attestor, bench.answer(signer))
      #expect(said == #"PermissionDenied: subscription "\#(TestAzure.subscription)" is not authorized"#)
      for domain in ["fabrikam.com", "", "Contoso.com", "../common", "contoso.com/x"] {
        let said = try await bench.says(attestor, bench.answer(signer, domain: domain))
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
    bench.azure.replace("/login.microsoftonline.com/contoso.com", status: status, text)
    let signer = try bench.azure.signer.signer()
    try await bench.with { attestor, _, _ in
      let said = try await bench.says(attestor, bench.answer(signer))
      #expect(said.hasPrefix("Internal: unable to lookup tenant ID: " + expected), "\(said)")
    }
  }

  // MARK: What Azure says of machines

  @Test func machinesThatAreNotFound() async throws {
    let signer = try bench.azure.signer.signer()
    let unknown = "00000000-0000-0000-0000-000000000001"
    try await bench.with { attestor, _, server in
      #expect(try await bench.says(attestor, bench.answer(signer, machine: unknown)) == "NotFound: resource not found")
      #expect(
        try await bench.says(attestor, bench.answer(signer, scaleSet: #""no-set""#)) == "NotFound: resource not found")
      #expect(
        try await bench.says(attestor, bench.answer(signer, machine: unknown, scaleSet: #""web-set""#))
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
        let said = try await bench.says(attestor, bench.answer(signer, scaleSet: #""\#(name)""#))
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
    bench.azure.replace("/management.azure.com/providers/Microsoft.ResourceGraph", answer)
    let signer = try bench.azure.signer.signer()
    try await bench.with { attestor, _, _ in
      let said = try await bench.says(attestor, bench.answer(signer))
      #expect(said.hasPrefix(expected), "\(said)")
    }
  }

  @Test func anotherMachinesRowIsNotUsed() async throws {
    let other =
      "/subscriptions/\(TestAzure.subscription)/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/other"
    bench.azure.replace(
      "/management.azure.com/providers/Microsoft.ResourceGraph",
      """
      {"totalRecords":1,"data":[{"tenantId":"\(TestAzure.tenant)","name":"n","location":"l","resourceGroup":"g",
      "id":"\(other)","vmId":"\(TestAzure.scaleSetMachine)"}]}
      """)
    let signer = try bench.azure.signer.signer()
    try await bench.with { attestor, _, _ in
      let said = try await bench.says(attestor, bench.answer(signer))
      #expect(said.hasPrefix("Internal: unable to get virtual machine: malformed virtual machine ID"), "\(said)")
    }
  }

  @Test func outagesOfAzure() async throws {
    let signer = try bench.azure.signer.signer()
    for answer in [TestWebServer.Answer.page(429, [], []), .page(503, [], []), .endless, .hangUp] {
      bench.azure.replace("/management.azure.com/") { _ in answer }
      try await bench.with { attestor, _, _ in
        let said = try await bench.says(attestor, bench.answer(signer))
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
    let leaf = try bench.azure.signer.signer().certificate
    try PEM.encode(leaf, type: "CERTIFICATE").write(
      toFile: bench.bundle.file("leaf.pem"), atomically: true, encoding: .utf8)
    let text = "\(azureTenant)\ntrust_bundle_path = \"\(bench.bundle.file("leaf.pem"))\""
    let said = try await refusal { try AzureIMDSSettings(PluginData(text: text)) }
    #expect(
      said
        == "InvalidArgument: trust bundle \"\(bench.bundle.file("leaf.pem"))\" contains a non-CA certificate (subject "
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
    let settings = try AzureIMDSSettings(PluginData(text: azureTenant))
    // The second of Microsoft's, which DigiCert signed, leads to DigiCert's.
    let crossSigned = try Base64.decode(AzureRoots.certificates[3])
    let date = try #require(ISO8601DateFormatter().date(from: "2026-11-22T00:00:00Z"))
    let chain = try settings.roots.verify(leaf: crossSigned, intermediates: [], at: date)
    #expect(chain.paths.contains { $0.count == 2 })
  }

  @Test func nothingWorksUnconfigured() async throws {
    let places = AzurePlaces(security: .init(.unverified), environment: [:])
    let attestor = AzureIMDSAttestor(host: try TestHost(), places: places, time: HastyTime(bench.now))
    let said = try await bench.says(attestor) { _ in [] }
    #expect(said == "FailedPrecondition: not configured")
  }
}
