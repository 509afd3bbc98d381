/// What selectors are made of in any object of Kubernetes. A value.
struct ObjectMetadata: Hashable, Sendable {
  struct Label: Hashable, Sendable {
    var name: String
    var value: String
  }

  struct Owner: Hashable, Sendable {
    var apiVersion = ""
    var kind = ""
    var name = ""
    var uid = ""
    var isController = false

    /// `apps/ReplicaSet`; the version says nothing about which object it is.
    var groupAndKind: String {
      let group = apiVersion.contains("/") ? apiVersion.prefix { $0 != "/" } : "core"
      return "\(group)/\(kind)"
    }
  }

  var namespace = ""
  var name = ""
  var uid = ""
  var resourceVersion = ""
  /// Sorted by name, each name once.
  var labels: [Label] = []
  var owners: [Owner] = []

  init() {}

  /// Reads the `metadata` of an object where `cursor` stands.
  init(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) {
    var metadata = ObjectMetadata()
    try cursor.object("expected an object's metadata") { (cursor, name) throws(JSONCursor.Malformed) in
      switch name {
      case "namespace": metadata.namespace = try cursor.string()
      case "name": metadata.name = try cursor.string()
      case "uid": metadata.uid = try cursor.string()
      case "resourceVersion": metadata.resourceVersion = try cursor.string()
      case "labels": metadata.labels = try Self.labels(&cursor)
      case "ownerReferences": metadata.owners = try Self.owners(&cursor)
      default: try cursor.skip()
      }
    }
    self = metadata
  }

  /// Reads the `metadata` of a whole object where `cursor` stands.
  init(ofObject cursor: inout JSONCursor) throws(JSONCursor.Malformed) {
    var metadata = ObjectMetadata()
    try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
      if name == "metadata" { metadata = try ObjectMetadata(&cursor) } else { try cursor.skip() }
    }
    self = metadata
  }

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

  private static func labels(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) -> [Label] {
    var labels: [String: String] = [:]
    try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in labels[name] = try cursor.string() }
    return labels.map { Label(name: $0.key, value: $0.value) }.sorted { $0.name < $1.name }
  }

  private static func owners(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) -> [Owner] {
    var owners: [Owner] = []
    try cursor.array { (cursor) throws(JSONCursor.Malformed) in
      var owner = Owner()
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        switch name {
        case "apiVersion": owner.apiVersion = try cursor.string()
        case "kind": owner.kind = try cursor.string()
        case "name": owner.name = try cursor.string()
        case "uid": owner.uid = try cursor.string()
        case "controller": owner.isController = try cursor.bool()
        default: try cursor.skip()
        }
      }
      owners.append(owner)
    }
    return owners
  }
}
