import Daemon
import HCL
import Plugins

/// The configuration of the node attestor `k8s_psat` (server-plugins §4.4). A value.
struct K8sPSATSettings: Sendable {
  /// Whom of one cluster to believe, and what of it becomes selectors.
  struct Cluster: Hashable, Sendable {
    /// What agents and selectors call it.
    let name: String
    /// `namespace:name`
    let serviceAccounts: Set<String>
    /// One of them must be the token's; empty for the API server's own.
    let audience: [String]
    /// Empty for the cluster that the server runs in.
    let kubeConfigFile: String
    let nodeLabelKeys: Set<String>
    let podLabelKeys: Set<String>
    /// Whether an agent is known by its pod instead of its node.
    let usesPodUID: Bool
  }

  static let defaultAudience = ["spire-server"]

  /// By their names.
  let clusters: [String: Cluster]

  init(_ data: PluginData) throws(ServerPluginError) {
    var reading: NodeAttestorSettings
    reading = try NodeAttestorSettings(data) { message, cause in
      ServerPluginError(
        .invalidArgument,
        message.replacing(
          "unable to decode configuration", with: "plugin configuration is malformed", maxReplacements: 1),
        cause: cause)
    }
    var clusters: [String: Cluster] = [:]
    for (labels, section) in reading.root.labelled("clusters", levels: 1) {
      var section = section
      let name = labels.first?.text ?? ""
      if clusters[name] != nil { reading.report("cluster \(GoText.quote(name)) is configured twice") }
      let accounts = section.strings("service_account_allow_list") ?? []
      if accounts.isEmpty {
        reading.report("cluster \(GoText.quote(name)) configuration must have at least one service account allowed")
      }
      clusters[name] = Cluster(
        name: name, serviceAccounts: Set(accounts), audience: section.strings("audience") ?? Self.defaultAudience,
        kubeConfigFile: section.string("kube_config_file") ?? "",
        nodeLabelKeys: Set(section.strings("allowed_node_label_keys") ?? []),
        podLabelKeys: Set(section.strings("allowed_pod_label_keys") ?? []),
        usesPodUID: section.bool("use_pod_uid_for_agent_id") ?? false)
    }
    try reading.finish()
    self.clusters = clusters
  }
}
