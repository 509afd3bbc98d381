import Daemon
import Foundation
import HCL
import NodeAttestorTesting
import NodeProofTesting
import Plugins
import Testing

@testable import ServerPlugins

/// The examples of docs/plugins can be copied: the server's halves read them.
@Suite struct NodeAttestorPagesTests {
  @Test(arguments: [
    "x509pop", "sshpop", "http_challenge", "aws_iid", "gcp_iit", "azure_msi", "azure_imds", "tpm_devid", "k8s_psat",
  ]) func theServersExample(_ name: String)
    throws
  {
    let page = URL(fileURLWithPath: #filePath).appendingPathComponent(
      "../../../../docs/plugins/nodeattestor-\(name).md"
    ).standardized
    let text = try String(contentsOf: page, encoding: .utf8)
    let example = try #require(
      text.components(separatedBy: "```hcl\n").dropFirst().first?.components(separatedBy: "```").first)
    let decoding = HCLDecoding(try HCLDocument.parse(example, file: "server.conf"))
    var root = decoding.root
    let blocks = try #require(PluginBlocks(&root, file: "server.conf"))
    let plugin = try #require(blocks.plugins.first)
    #expect(plugin.type == "NodeAttestor" && plugin.name == name)
    guard case .text(var data) = plugin.data else {
      Issue.record("no plugin_data")
      return
    }
    // The files of the example are on nobody's machine.
    data = data.replacing("/etc/spire/nodes-ca.pem", with: NodeProofFixtures.path("x509pop/root.pem"))
      .replacing("/etc/spire/host_ca.pub", with: NodeProofFixtures.path("ssh/ca_rsa.pub"))
      .replacing("/etc/spire/devid-ca.pem", with: NodeProofFixtures.path("tpm/devid-root.pem"))
      .replacing("/etc/spire/tpm-vendors.pem", with: NodeProofFixtures.path("tpm/ek-ca.pem"))
    switch name {
    case "aws_iid": #expect(try AWSIIDSettings(PluginData(text: data), environment: [:]).organization != nil)
    case "azure_msi":
      let tenants = try AzureMSISettings(PluginData(text: data)).tenants
      #expect(tenants.count == 2 && tenants.values.count { $0.access == nil } == 1)
    case "azure_imds":
      let tenants = try AzureIMDSSettings(PluginData(text: data)).tenants
      #expect(tenants.count == 2 && tenants["contoso.onmicrosoft.com"]?.tags == ["environment", "team"])
    case "gcp_iit": #expect(try GCPIITSettings(PluginData(text: data)).labelKeys == ["team"])
    case "tpm_devid": _ = try TPMDevIDSettings(PluginData(text: data))
    case "k8s_psat":
      let clusters = try K8sPSATSettings(PluginData(text: data)).clusters
      #expect(clusters["home"]?.kubeConfigFile == "" && clusters["home"]?.nodeLabelKeys.count == 1)
      #expect(clusters["east"]?.kubeConfigFile == "/etc/spire/east.kubeconfig")
    case "x509pop": _ = try X509PoPSettings(PluginData(text: data))
    case "sshpop": #expect(try SSHPoPSettings(PluginData(text: data)).canonicalDomain == "example.org")
    default:
      let settings = try HTTPChallengeSettings(PluginData(text: data))
      #expect(settings.patterns.map { $0.matches("p1.example.org") } == [true] && !settings.trustsFirstUseOnly)
      #expect(settings.patterns.map { $0.matches("xp1.example.org") } == [false])
    }
  }
}
