import Daemon
import Kubernetes
import SPIFFE

/// The pod that a token is bound to, as the cluster has it now: not another one of its name. Made of the API server's
/// answer alone.
struct BoundPod: Sendable {
  let nodeName: String
  let hostIP: String
  let labels: [ObjectMetadata.Label]

  init(_ answer: [UInt8], _ token: ReviewedToken, of cluster: K8sPSATSettings.Cluster) throws {
    let pod = try ClusterObject(answer)
    guard pod.metadata.uid == token.podUID else {
      throw ServerPluginError(
        .permissionDenied,
        "pod UID mismatch for pod \(GoText.quote(token.podName)) in cluster \(GoText.quote(cluster.name)): token bound to "
          + "pod UID \(GoText.quote(String(token.podUID.prefix(256))))")
    }
    guard pod.metadata.name == token.podName, pod.metadata.namespace == token.namespace else {
      throw ClusterObject.Unexpected(
        description: "the answer is about another pod than \(token.namespace)/\(token.podName)")
    }
    nodeName = pod.nodeName
    hostIP = pod.hostIP
    labels = pod.metadata.labels
  }
}

/// The node that a pod runs on. Made of the API server's answer alone.
struct PodsNode: Sendable {
  let uid: String
  let labels: [ObjectMetadata.Label]

  init(_ answer: [UInt8], _ pod: BoundPod, of cluster: K8sPSATSettings.Cluster) throws {
    let node = try ClusterObject(answer)
    guard !node.metadata.uid.isEmpty else {
      throw ServerPluginError(.internal, "node UID is empty for cluster \(GoText.quote(cluster.name))")
    }
    guard node.metadata.name == pod.nodeName else {
      throw ClusterObject.Unexpected(description: "the answer is about another node than \(pod.nodeName)")
    }
    uid = node.metadata.uid
    labels = node.metadata.labels
  }
}

/// A node of a cluster on which an agent's pod runs. Its one initialiser takes what the cluster said of token, pod and node.
struct K8sPSATNode: VerifiedNode {
  let agentID: SPIFFEID
  let selectorValues: [String]
  /// Kubernetes renews the token, so the agent can show one at any time.
  var canReattest: Bool { true }

  init(
    _ node: PodsNode, pod: BoundPod, token: ReviewedToken, settings: K8sPSATSettings.Cluster,
    host: any NodeAttestorHost
  ) throws(ServerPluginError) {
    let uid = settings.usesPodUID ? token.podUID : node.uid
    guard !uid.contains("/") else {
      throw ServerPluginError(
        .internal, "the UID \(GoText.quote(String(uid.prefix(256)))) cannot stand in an agent's ID")
    }
    agentID = try host.agentID(
      "/\(K8sPSATAttestor.pluginName)/\(settings.name)/\(settings.usesPodUID ? "pod/" : "")\(uid)")
    var values = [
      "cluster:\(settings.name)", "agent_ns:\(token.namespace)", "agent_sa:\(token.serviceAccount)",
      "agent_pod_name:\(token.podName)", "agent_pod_uid:\(token.podUID)", "agent_node_ip:\(pod.hostIP)",
      "agent_node_name:\(pod.nodeName)", "agent_node_uid:\(node.uid)",
    ]
    values += node.labels.filter { settings.nodeLabelKeys.contains($0.name) }
      .map { "agent_node_label:\($0.name):\($0.value)" }
    values += pod.labels.filter { settings.podLabelKeys.contains($0.name) }
      .map { "agent_pod_label:\($0.name):\($0.value)" }
    selectorValues = values
  }
}
