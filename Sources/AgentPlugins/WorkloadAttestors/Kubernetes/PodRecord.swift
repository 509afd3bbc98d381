import Kubernetes

/// What a pod's selectors are made of. A value, made from what a kubelet or an API server says; nothing else of a pod is
/// kept in memory.
struct PodRecord: Hashable, Sendable {
  /// A container as the pod's status tells it.
  struct Container: Hashable, Sendable {
    var name = ""
    /// The image's name as the runtime reports it.
    var image = ""
    /// The image's id: usually a name with a digest.
    var imageID = ""
    /// `containerd://…`; empty until the runtime has made the container.
    var containerID = ""

    /// The runtime's id in ``containerID``: what stands where a URL has its host. Nil when there is none.
    var runtimeID: Substring? {
      guard let slashes = containerID.firstRange(of: "://") else { return nil }
      let authority = containerID[slashes.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
      let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
      return host.isEmpty ? nil : host
    }
  }

  var metadata = ObjectMetadata()
  var serviceAccount = ""
  var nodeName = ""
  var containers: [Container] = []
  var initContainers: [Container] = []

  var uid: String { metadata.uid }

  /// The container that the runtime knows by this id: regular ones first, then init containers. Ephemeral ones have no
  /// selectors.
  func container(_ id: String) -> Container? {
    (containers + initContainers).first { $0.runtimeID == id[...] }
  }

  /// The selectors of the pod, in a fixed order.
  var selectors: [String] {
    var values = [
      "sa:\(serviceAccount)", "ns:\(metadata.namespace)", "node-name:\(nodeName)", "pod-uid:\(uid)",
      "pod-name:\(metadata.name)", "pod-image-count:\(containers.count)",
      "pod-init-image-count:\(initContainers.count)",
    ]
    values += Self.images(containers).map { "pod-image:" + $0 }
    values += Self.images(initContainers).map { "pod-init-image:" + $0 }
    values += metadata.labels.map { "pod-label:\($0.name):\($0.value)" }
    for owner in metadata.owners {
      values.append("pod-owner:\(owner.kind):\(owner.name)")
      values.append("pod-owner-uid:\(owner.kind):\(owner.uid)")
    }
    return values
  }

  /// The selectors of one of its containers.
  static func selectors(of container: Container) -> [String] {
    ["container-name:" + container.name] + images([container]).map { "container-image:" + $0 }
  }

  /// Ids and names of the images, each once.
  private static func images(_ containers: [Container]) -> [String] {
    var seen: Set<String> = []
    return containers.flatMap { [$0.imageID, $0.image] }.filter { seen.insert($0).inserted }
  }
}

extension PodRecord {
  /// Reads a Pod where `cursor` stands.
  init(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) {
    var pod = PodRecord()
    try cursor.object("expected a pod") { (cursor, name) throws(JSONCursor.Malformed) in
      switch name {
      case "metadata": pod.metadata = try ObjectMetadata(&cursor)
      case "spec":
        try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
          switch name {
          case "serviceAccountName": pod.serviceAccount = try cursor.string()
          case "nodeName": pod.nodeName = try cursor.string()
          default: try cursor.skip()
          }
        }
      case "status":
        try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
          switch name {
          case "containerStatuses": pod.containers = try Self.containers(&cursor)
          case "initContainerStatuses": pod.initContainers = try Self.containers(&cursor)
          default: try cursor.skip()
          }
        }
      default: try cursor.skip()
      }
    }
    self = pod
  }

  /// Reads a text that is one Pod.
  init(parsing bytes: [UInt8]) throws(JSONCursor.Malformed) {
    var cursor = JSONCursor(bytes)
    self = try PodRecord(&cursor)
    try cursor.end()
  }

  private static func containers(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) -> [Container] {
    var containers: [Container] = []
    try cursor.array { (cursor) throws(JSONCursor.Malformed) in
      var container = Container()
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        switch name {
        case "name": container.name = try cursor.string()
        case "image": container.image = try cursor.string()
        case "imageID": container.imageID = try cursor.string()
        case "containerID": container.containerID = try cursor.string()
        default: try cursor.skip()
        }
      }
      containers.append(container)
    }
    return containers
  }
}
