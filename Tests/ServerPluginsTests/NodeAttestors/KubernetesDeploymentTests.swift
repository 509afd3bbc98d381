import Foundation
import HCL
import Plugins
import Testing

@testable import Kubernetes
@testable import ServerPlugins

/// The manifests of Deploy/kubernetes, and those on the page of `k8s_psat`, fit together: names, rights, tokens.
@Suite struct KubernetesDeploymentTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../..").standardized

  /// The objects of a file of manifests.
  private static func objects(_ text: String) throws -> [YAMLValue] {
    try text.components(separatedBy: "\n---\n").map { try YAMLReader.parse(Array($0.utf8)) }
  }

  private static func deployed(_ name: String) throws -> [YAMLValue] {
    try objects(
      String(contentsOf: root.appendingPathComponent("Deploy/kubernetes/\(name).yaml"), encoding: .utf8))
  }

  private static func documented() throws -> [YAMLValue] {
    let page = try String(
      contentsOf: root.appendingPathComponent("docs/plugins/nodeattestor-k8s_psat.md"), encoding: .utf8)
    return try page.components(separatedBy: "```yaml\n").dropFirst().flatMap {
      try objects($0.components(separatedBy: "```")[0])
    }
  }

  private static func plugin(_ configuration: String, _ name: String) throws -> PluginData {
    var root = HCLDecoding(try HCLDocument.parse(configuration, file: "configuration")).root
    let blocks = try #require(PluginBlocks(&root, file: "configuration"))
    let plugin = try #require(blocks.plugins.first { $0.type == "NodeAttestor" && $0.name == name })
    guard case .text(let text) = plugin.data else { return PluginData(text: "") }
    return PluginData(text: text)
  }

  @Test func theServerMayDoWhatItDoes() throws {
    for objects in [try Self.deployed("server"), try Self.documented()] {
      let role = try #require(objects.first(kind: "ClusterRole"))
      var rights: Set<String> = []
      for rule in role["rules"]?.items ?? [] {
        for group in rule["apiGroups"]?.items ?? [] {
          for resource in rule["resources"]?.items ?? [] {
            for verb in rule["verbs"]?.items ?? [] {
              rights.insert("\(verb.string) \(resource.string) \(group.string)")
            }
          }
        }
      }
      #expect(rights == ["get pods ", "get nodes ", "create tokenreviews authentication.k8s.io"])
      let binding = try #require(objects.first(kind: "ClusterRoleBinding"))
      #expect(binding["roleRef"]?["name"] == role["metadata"]?["name"])
      #expect(binding["subjects"]?.items.first?["namespace"]?.string == "spire")
    }
    let server = try Self.deployed("server")
    let pod = try #require(server.first(kind: "StatefulSet")?["spec"]?["template"]?["spec"])
    #expect(
      pod["serviceAccountName"] == server.first(kind: "ClusterRoleBinding")?["subjects"]?.items.first?["name"])
  }

  @Test func theServerBelievesTheAgentsThatAreDeployed() throws {
    let (server, agent) = (try Self.deployed("server"), try Self.deployed("agent"))
    let serverFile = try #require(server.first(kind: "ConfigMap")?["data"]?["server.conf"]?.string)
    let agentFile = try #require(agent.first(kind: "ConfigMap")?["data"]?["agent.conf"]?.string)
    let settings = try K8sPSATSettings(Self.plugin(serverFile, "k8s_psat"))
    let name = try #require(settings.clusters.keys.first)
    let cluster = try #require(settings.clusters[name])
    #expect(try Self.plugin(agentFile, "k8s_psat").text.contains("cluster = \"\(name)\""))
    let set = try #require(agent.first(kind: "DaemonSet"))
    let pod = try #require(set["spec"]?["template"]?["spec"])
    let account = "\(set["metadata"]?["namespace"]?.string ?? ""):\(pod["serviceAccountName"]?.string ?? "")"
    #expect(cluster.serviceAccounts == [account])
    for (pod, mounts) in [
      (pod, pod["containers"]?.items.first?["volumeMounts"]?.items ?? []),
      try #require(
        try Self.documented().first(kind: "Pod")?["spec"].map {
          ($0, $0["containers"]?.items.first?["volumeMounts"]?.items ?? [])
        }),
    ] {
      let volume = try #require(pod["volumes"]?.items.first { $0["name"]?.string == "spire-token" })
      let token = try #require(volume["projected"]?["sources"]?.items.first?["serviceAccountToken"])
      #expect(cluster.audience == [token["audience"]?.string ?? ""])
      // Where the agent looks unless it is told otherwise.
      let mount = try #require(mounts.first { $0["name"]?.string == "spire-token" })
      #expect(
        "\(mount["mountPath"]?.string ?? "")/\(token["path"]?.string ?? "")" == "/var/run/secrets/tokens/spire-agent")
    }
  }
}

extension [YAMLValue] {
  fileprivate func first(kind: String) -> YAMLValue? { first { $0["kind"]?.string == kind } }
}

extension YAMLValue {
  fileprivate var string: String { if case .text(let text, _) = self { text } else { "" } }
  fileprivate var items: [YAMLValue] { if case .list(let items) = self { items } else { [] } }
}
