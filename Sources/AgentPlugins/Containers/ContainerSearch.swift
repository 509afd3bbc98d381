/// The container and the pod that the cgroup paths of one process agree upon (agent-plugins §7, rules 2-6).
///
/// A value; paths are added in the order of the file.
struct ContainerSearch: Equatable {
  /// Whether pods are looked for at all: on behalf of `k8s`, not of `docker`.
  let findsPods: Bool
  private(set) var containerID: String?
  private(set) var podUID: String?

  init(findsPods: Bool) { self.findsPods = findsPods }

  /// Takes one path.
  mutating func add(_ path: String) throws(ContainerConflict) {
    let found = Self.find(in: path, findsPods: findsPods)
    switch (podUID, found.podUID) {
    case (nil, .some):
      // Says more than what came before: with kind on a unified hierarchy, a path of the node's container stands beside
      // one of the pod.
      (containerID, podUID) = (found.containerID, found.podUID)
      return
    case (.some, nil): return
    case (let known?, let new?) where known != new: throw ContainerConflict("pod UIDs", known, new)
    default: break
    }
    // SPIRE: a path without an id counts as a difference too.
    if let containerID, containerID != found.containerID {
      throw ContainerConflict("container IDs", containerID, found.containerID ?? "")
    }
    containerID = found.containerID
  }

  /// The id that stands last in a path, and the pod's UID before it.
  static func find(in path: String, findsPods: Bool) -> (containerID: String?, podUID: String?) {
    let segments = Array(path.utf8).split(separator: UInt8(ascii: "/"))
    for index in segments.indices.reversed() {
      guard let range = ContainerText.containerID(in: segments[index]) else { continue }
      let containerID = String(decoding: segments[index][range], as: UTF8.self)
      guard findsPods else { return (containerID, nil) }
      var rest = segments[index][..<range.lowerBound]
      for earlier in (0...index).reversed() {
        if earlier < index { rest = segments[earlier] }
        if let podUID = ContainerText.podUID(in: rest) { return (containerID, podUID) }
      }
      return (containerID, nil)
    }
    return (nil, nil)
  }
}
