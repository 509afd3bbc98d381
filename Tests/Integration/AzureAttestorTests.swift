import Foundation
import Testing

/// Real servers and agents with the node attestors of Azure. They run in a network of their own, where the names and
/// addresses of Azure's services, which nothing can change, are those of a server of the tests'.
@Suite("Node attestors of Azure", .serialized, .enabled(if: OwnNetwork.isPossible, "no network of one's own"))
struct AzureAttestorTests {
  private static let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
  private static let subscription = "8d10da13-8125-4ba9-a717-bf7490507b3d"
  private static let msi = "/spire/agent/azure_msi/\(tenant)/5d0ab4f1-7d1c-4b9a-a45b-6b3e2c7c6b11"
  private static let imds =
    "/spire/agent/azure_imds/\(tenant)/\(subscription)/02aab8a4-74ef-476e-8182-f6d2ba4166a6"

  @Test("azure_msi and azure_imds: both halves, once each", .timeLimit(.minutes(3))) func bothHalves() async throws {
    let deployment = try Deployment()
    let folder = deployment.directory
    let network = try await OwnNetwork(in: folder)
    let python = try #require(Programs.python)
    let azure = try DaemonProcess(
      name: "azure", executable: "/usr/bin/env",
      arguments: network.prefix + [python] + Programs.pythonArguments + [Programs.client("azure.py"), folder],
      logPath: folder + "/azure.log")
    defer { azure.signal(SIGKILL) }
    try await eventually("Azure is there", log: { azure.log }) { azure.log.contains("ready") }
    // Its names lead to this network's loopback, for these processes alone.
    let inside =
      ["/usr/bin/env"] + network.prefix
      + ["unshare", "-m", "sh", "-c", "mount --bind \(folder)/hosts /etc/hosts && exec \"$@\"", "sh"]
    deployment.serverNodeAttestor = """
      NodeAttestor "azure_msi" { plugin_data { tenants = { "\(Self.tenant)" = {} } } }
      NodeAttestor "azure_imds" { plugin_data {
        tenants = { "contoso.com" = { allowed_vm_tags = ["environment"] } }
        trust_bundle_path = "\(folder)/roots.pem"
      } }
      """
    try await deployment.startServer(wrapper: inside, environment: ["SSL_CERT_FILE": folder + "/web.pem"])
    try await deployment.writeBundle()

    deployment.agentNodeAttestor = #"NodeAttestor "azure_msi" { plugin_data {} }"#
    try await deployment.startAgent(token: nil, wrapper: inside)
    #expect(
      try await selectors(deployment, Self.msi) == [
        "azure_msi:network-security-group:frontend:webservers", "azure_msi:subscription-id:\(Self.subscription)",
        "azure_msi:virtual-network-subnet:frontend:vnet:default", "azure_msi:virtual-network:frontend:vnet",
        "azure_msi:vm-name:frontend:blog",
      ])

    try await deployment.forgetAgent()
    deployment.agentNodeAttestor =
      #"NodeAttestor "azure_imds" { plugin_data { tenant_domain = "contoso.com" } }"#
    try await deployment.startAgent(token: nil, wrapper: inside)
    #expect(
      try await selectors(deployment, Self.imds) == [
        "azure_imds:network-security-group:frontend:webservers", "azure_imds:resource-group:frontend",
        "azure_imds:subscription-id:\(Self.subscription)", "azure_imds:virtual-network-subnet:vnet:default",
        "azure_imds:virtual-network:vnet", "azure_imds:vm-location:eastus", "azure_imds:vm-name:blog",
        "azure_imds:vm-tag:environment:production",
      ])

    try await deployment.forgetAgent()
    try await deployment.expectRefusal(Deployment.usedUp, wrapper: inside)
  }

  private func selectors(_ deployment: Deployment, _ agent: String) async throws -> [String] {
    try await deployment.show(agent).split(separator: "\n")
      .filter { $0.hasPrefix("Selectors") }
      .compactMap { line in line.range(of: "azure_").map { String(line[$0.lowerBound...]) } }
      .sorted()
  }
}
