import Kubernetes

extension ObjectMetadata {
  /// The selectors of an object that is not a pod.
  func selectors(of resource: APIResource) -> [String] {
    var values = [
      "uid:\(uid)", "resource:\(resource.plural).\(resource.namedGroup)", "plural:\(resource.plural)",
      "group:\(resource.namedGroup)", "version:\(resource.version)", "apiVersion:\(resource.apiVersion)",
      "kind:\(resource.kind)", "name:\(name)",
    ]
    if !namespace.isEmpty { values.append("namespace:\(namespace)") }
    values.append("key:\(namespace.isEmpty ? name : "\(namespace)/\(name)")")
    values += labels.map { "label:\($0.name):\($0.value)" }
    for owner in owners {
      let kinds = owner.isController ? ["owner", "controller"] : ["owner"]
      for kind in kinds {
        values.append("\(kind)-key:\(owner.groupAndKind)/\(owner.name)")
        values.append("\(kind)-uid:\(owner.groupAndKind)/\(owner.uid)")
      }
    }
    return values
  }
}
