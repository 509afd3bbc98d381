import Kubernetes

/// A page of a list of objects, of which only metadata is kept. A value.
struct MetadataList: Sendable {
  /// How many objects are asked for at once.
  static let pageSize = 500

  var items: [ObjectMetadata] = []
  /// Where a watch goes on from.
  var resourceVersion = ""
  /// What asks for the next page; empty on the last one.
  var next = ""

  init(parsing text: [UInt8]) throws(APIServerFailure) {
    var cursor = JSONCursor(text)
    var list = (items: [ObjectMetadata](), version: "", next: "")
    do {
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        switch name {
        case "metadata":
          try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
            switch name {
            case "resourceVersion": list.version = try cursor.string()
            case "continue": list.next = try cursor.string()
            default: try cursor.skip()
            }
          }
        case "items":
          try cursor.array { (cursor) throws(JSONCursor.Malformed) in
            list.items.append(try ObjectMetadata(ofObject: &cursor))
          }
        default: try cursor.skip()
        }
      }
      try cursor.end()
    } catch {
      throw .malformed("\(error)")
    }
    (items, resourceVersion, next) = (list.items, list.version, list.next)
  }

  /// The query that asks for a page.
  static func query(after next: String) -> [(name: String, value: String)] {
    [("limit", "\(pageSize)")] + (next.isEmpty ? [] : [("continue", next)])
  }
}
