import SPIFFE

/// The settings of the workload attestor `k8s`, checked (agent-plugins §8). A value.
struct KubernetesConfiguration: Sendable {
  /// The settings of the Broker API's side (`experimental.broker`).
  struct Brokers: Hashable, Sendable {
    /// Whether the API server is asked if a broker may stand for an object (`access_policy = "enforced"`).
    var isEnforced: Bool
    /// The brokers, and how far each of them sees.
    var scopes: [SPIFFEID: Scope]
  }

  /// Which pods a broker may name.
  enum Scope: String, Hashable, Sendable {
    /// Those of this node, as the kubelet tells them.
    case node = "agent_node"
    case cluster
  }

  static let defaultAttempts = 60
  /// More are as good as endless, and would be more time than can be counted.
  static let mostAttempts = 1_000_000
  static let defaultInterval = Duration.milliseconds(500)

  /// Nil where the kubelet is not asked (`disable_kubelet_client`).
  var kubelet: KubeletSettings? = KubeletSettings()
  var maximumAttempts = KubernetesConfiguration.defaultAttempts
  var retryInterval = KubernetesConfiguration.defaultInterval
  var hasContainerSelectors = true
  var hasNamespaceLabels = false
  var usesNewLocator = true
  var logsLocator = false
  var cachesMetadata = false
  /// Nil where no broker is known.
  var brokers: Brokers?
}
