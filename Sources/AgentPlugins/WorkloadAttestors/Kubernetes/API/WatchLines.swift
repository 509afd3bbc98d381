import Kubernetes

/// What a watch brings, put together from bits: one event per line. Total on any bytes; a line is bounded. A value of one
/// connection.
struct WatchLines: Sendable {
  enum Event: Hashable, Sendable {
    /// An object is there or has changed.
    case changed(ObjectMetadata)
    case deleted(ObjectMetadata)
    /// Nothing happened up to this version.
    case bookmark(version: String)
  }

  /// The largest object that a cluster stores is smaller.
  static let maximumLine = 4 << 20

  private var line: [UInt8] = []

  /// The events that `bytes` complete.
  ///
  /// - Throws: ``APIServerFailure``: what the server said with an ERROR event, or what cannot be read.
  mutating func add(_ bytes: [UInt8]) throws(APIServerFailure) -> [Event] {
    var events: [Event] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      try append(rest[..<end])
      rest = rest[(end + 1)...]
      if let event = try Self.event(line) { events.append(event) }
      line.removeAll(keepingCapacity: line.count < 1 << 16)
    }
    try append(rest)
    return events
  }

  private mutating func append(_ bytes: ArraySlice<UInt8>) throws(APIServerFailure) {
    guard line.count + bytes.count <= Self.maximumLine else { throw .malformed("an event is too long") }
    line += bytes
  }

  /// The event of a line; nil for a blank one and for types of later versions.
  private static func event(_ line: [UInt8]) throws(APIServerFailure) -> Event? {
    guard line.contains(where: { $0 > 0x20 }) else { return nil }
    do {
      // The type says how to read the object, and may stand behind it.
      let type = try type(line)
      if type == "ERROR" { throw try failure(line) }
      var object: ObjectMetadata?
      var cursor = JSONCursor(line)
      try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
        if name == "object" { object = try ObjectMetadata(ofObject: &cursor) } else { try cursor.skip() }
      }
      try cursor.end()
      guard let object else { throw APIServerFailure.malformed("an event without object") }
      switch type {
      case "ADDED", "MODIFIED": return .changed(object)
      case "DELETED": return .deleted(object)
      case "BOOKMARK": return .bookmark(version: object.resourceVersion)
      default: return nil
      }
    } catch let failure as APIServerFailure {
      throw failure
    } catch {
      throw .malformed("\(error)")
    }
  }

  private static func type(_ line: [UInt8]) throws(JSONCursor.Malformed) -> String {
    var type = ""
    var cursor = JSONCursor(line)
    try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
      if name == "type" { type = try cursor.string() } else { try cursor.skip() }
    }
    return type
  }

  private static func failure(_ line: [UInt8]) throws(JSONCursor.Malformed) -> APIServerFailure {
    var failure = APIServerFailure.malformed("an error without status")
    var cursor = JSONCursor(line)
    try cursor.object { (cursor, name) throws(JSONCursor.Malformed) in
      guard name == "object" else { return try cursor.skip() }
      var ahead = cursor
      failure = APIServerFailure.read(&ahead)
      try cursor.skip()
    }
    return failure
  }
}
