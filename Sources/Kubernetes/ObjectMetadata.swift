/// What any object of Kubernetes has: names, UID, labels, owners. A value.
package struct ObjectMetadata: Hashable, Sendable {
  package struct Label: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  package struct Owner: Hashable, Sendable {
    package var apiVersion = ""
    package var kind = ""
    package var name = ""
    package var uid = ""
    package var isController = false

    /// `apps/ReplicaSet`; the version says nothing about which object it is.
    package var groupAndKind: String {
      let group = apiVersion.contains("/") ? apiVersion.prefix { $0 != "/" } : "core"
      return "\(group)/\(kind)"
    }
  }

  package var namespace = ""
  package var name = ""
  package var uid = ""
  package var resourceVersion = ""
  /// Sorted by name, each name once.
  package var labels: [Label] = []
  package var owners: [Owner] = []

  package init() {}

  /// Reads the `metadata` of an object where `cursor` stands.
  package init(_ cursor: inout JSONCursor) throws(JSONCursor.Malformed) {
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
  package init(ofObject cursor: inout JSONCursor) throws(JSONCursor.Malformed) {
    var metadata = ObjectMetadata()
    try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
      if name == "metadata" { metadata = try ObjectMetadata(&cursor) } else { try cursor.skip() }
    }
    self = metadata
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
