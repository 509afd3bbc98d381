import GRPCCore

/// The methods of an endpoint by their exact path. Made once when the endpoint starts; immutable.
struct MethodTable: Sendable {
  struct Method: Sendable {
    let descriptor: MethodDescriptor
    let type: MethodDescriptor.RPCType
  }

  private let methods: [String: Method]
  private let services: Set<String>

  init(_ descriptors: [MethodDescriptor] = []) {
    var methods: [String: Method] = [:]
    for descriptor in descriptors {
      // Generated code always knows; a stream of requests is what fits every method.
      let method = Method(descriptor: descriptor, type: descriptor.type ?? .bidirectionalStreaming)
      methods["/\(descriptor.service.fullyQualifiedService)/\(descriptor.method)"] = method
    }
    self.methods = methods
    services = Set(descriptors.map(\.service.fullyQualifiedService))
  }

  /// The method with exactly this path; nothing is trimmed, decoded or completed.
  func method(at path: String) throws(Refusal) -> Method {
    if let method = methods[path] { return method }
    guard path.utf8.first == UInt8(ascii: "/"), let slash = path.dropFirst().lastIndex(of: "/") else {
      throw Refusal(.unimplemented, "malformed method name: \"\(path)\"")
    }
    let service = path[path.index(after: path.startIndex)..<slash]
    let method = path[path.index(after: slash)...]
    throw services.contains(String(service))
      ? Refusal(.unimplemented, "unknown method \(method) for service \(service)")
      : Refusal(.unimplemented, "unknown service \(service)")
  }
}
