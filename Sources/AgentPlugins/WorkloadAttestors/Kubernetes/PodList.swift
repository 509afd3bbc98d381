import Kubernetes

/// The pods of this node at one moment, as the kubelet told them. Immutable; the callers that wait for it share it.
struct PodList: Sendable {
  /// More pods than any node runs.
  static let maximumPods = 8192

  /// Later lists have higher numbers.
  let version: UInt64
  /// When it was asked for, on the steady clock.
  let startedAt: Duration
  let pods: [PodRecord]

  /// What the list says about a container.
  enum Finding: Hashable, Sendable {
    case container(PodRecord, PodRecord.Container)
    /// The pod is there; the container has no id yet.
    case pod(PodRecord)
    case nothing
    case twoPods
  }

  /// - Parameter podUID: the pod that the container is in, if the host knows it; only that pod is looked at then.
  func find(container id: String, podUID: String?) -> Finding {
    var found: Finding = .nothing
    var count = 0
    for pod in pods where podUID == nil || pod.uid == podUID {
      if let container = pod.container(id) {
        count += 1
        found = .container(pod, container)
      } else if podUID != nil {
        found = .pod(pod)
      }
    }
    return count > 1 ? .twoPods : found
  }

  /// Reads the kubelet's answer to `GET /pods`. Of two pods with one UID the later one counts.
  ///
  /// - Parameter nameless: called with the number of pods that have no UID and are left out.
  static func parse(_ bytes: [UInt8], nameless: (Int) -> Void = { _ in }) throws(AgentPluginError) -> [PodRecord] {
    var pods: [PodRecord] = []
    var places: [String: Int] = [:]
    var withoutUID = 0
    var hasItems = false
    do {
      var cursor = JSONCursor(bytes)
      try cursor.object("invalid kubelet response: expected an object") { (cursor, name) throws(JSONCursor.Malformed) in
        guard name == "items" else { return try cursor.skip() }
        hasItems = true
        try cursor.array("invalid kubelet response: expected an items array") { (cursor) throws(JSONCursor.Malformed) in
          let pod = try PodRecord(&cursor)
          if pod.uid.isEmpty {
            withoutUID += 1
          } else if let place = places.updateValue(pods.count, forKey: pod.uid) {
            places[pod.uid] = place
            pods[place] = pod
          } else {
            guard pods.count < maximumPods else {
              throw JSONCursor.Malformed(what: "more than \(maximumPods) pods", offset: 0)
            }
            pods.append(pod)
          }
        }
      }
      try cursor.end()
    } catch {
      let text = error.what.hasPrefix("invalid kubelet") ? error.what : "unable to parse kubelet response: \(error)"
      throw KubernetesAttestor.failure(.unavailable, text, cause: error)
    }
    guard hasItems else {
      throw KubernetesAttestor.failure(.unavailable, "invalid kubelet response: expected an items array")
    }
    if withoutUID > 0 { nameless(withoutUID) }
    return pods
  }
}
