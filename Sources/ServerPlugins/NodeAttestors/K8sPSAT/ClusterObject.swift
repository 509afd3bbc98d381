import Kubernetes

/// A pod or a node as the API server writes it, as far as `k8s_psat` looks at it. Total on any bytes. A value.
struct ClusterObject: Hashable, Sendable {
  /// Why an answer is of no use.
  struct Unexpected: Error, CustomStringConvertible {
    let description: String
  }

  let metadata: ObjectMetadata
  /// `spec.nodeName` of a pod.
  let nodeName: String
  /// `status.hostIP` of a pod.
  let hostIP: String

  init(_ answer: [UInt8]) throws(Unexpected) {
    var metadata = ObjectMetadata()
    var (nodeName, hostIP) = ("", "")
    func member(_ wanted: String, _ cursor: inout JSONCursor) throws(JSONCursor.Malformed) -> String {
      var value = ""
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        if name == wanted { value = try cursor.string() } else { try cursor.skip() }
      }
      return value
    }
    do throws(JSONCursor.Malformed) {
      var cursor = JSONCursor(answer)
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        switch name {
        case "metadata": metadata = try ObjectMetadata(&cursor)
        case "spec": nodeName = try member("nodeName", &cursor)
        case "status": hostIP = try member("hostIP", &cursor)
        default: try cursor.skip()
        }
      }
      try cursor.end()
    } catch {
      throw Unexpected(description: "the API server's answer cannot be read: \(error)")
    }
    (self.metadata, self.nodeName, self.hostIP) = (metadata, nodeName, hostIP)
  }
}
