import Flags
import SPIFFE

/// An object of a JSON file given to a command. Names are matched without regard to case, members that are not known
/// are ignored, and what is missing or null has its zero value; every complaint says where it stands in the file.
struct DataObject {
  private let members: [String: JSONValue]
  /// Where the object stands: `entries[3]`; empty for the whole file.
  private let path: String

  /// Parses a file whose whole content is one object.
  init(parsing bytes: [UInt8]) throws {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: bytes, limits: JSONLimits(maximumBytes: 64 << 20))
    } catch { throw CommandFailure("failed to parse JSON: \(error)") }
    try self.init(value, path: "")
  }

  private init(_ value: JSONValue, path: String) throws(CommandFailure) {
    guard let object = value.object else {
      throw CommandFailure("failed to parse JSON: \(path.isEmpty ? "the file" : path) is not an object")
    }
    self.path = path
    members = Dictionary(object.members.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { _, last in last })
  }

  /// A complaint about the member `name`.
  func failure(_ name: String, _ what: String) -> CommandFailure {
    CommandFailure("failed to parse JSON: \(position(name)): \(what)")
  }

  private func position(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  /// The member `name`, or nil when it is missing or null.
  func value(_ name: String) -> JSONValue? {
    guard let value = members[name.lowercased()], !value.isNull else { return nil }
    return value
  }

  func string(_ name: String) throws(CommandFailure) -> String {
    guard let value = value(name) else { return "" }
    guard let string = value.string else { throw failure(name, "must be a string") }
    return string
  }

  func bool(_ name: String) throws(CommandFailure) -> Bool {
    guard let value = value(name) else { return false }
    guard case .bool(let flag) = value else { throw failure(name, "must be true or false") }
    return flag
  }

  func int64(_ name: String) throws(CommandFailure) -> Int64 {
    guard let value = value(name) else { return 0 }
    guard case .int(let number) = value else { throw failure(name, "must be a whole number") }
    return number
  }

  func int32(_ name: String) throws(CommandFailure) -> Int32 {
    guard let number = Int32(exactly: try int64(name)) else {
      throw failure(name, "must be between \(Int32.min) and \(Int32.max)")
    }
    return number
  }

  func strings(_ name: String) throws(CommandFailure) -> [String] {
    var strings: [String] = []
    for (index, item) in try items(name).enumerated() {
      guard let string = item.string else { throw failure("\(name)[\(index)]", "must be a string") }
      strings.append(string)
    }
    return strings
  }

  func object(_ name: String) throws(CommandFailure) -> DataObject? {
    guard let value = value(name) else { return nil }
    return try DataObject(value, path: position(name))
  }

  func objects(_ name: String) throws(CommandFailure) -> [DataObject] {
    var objects: [DataObject] = []
    for (index, item) in try items(name).enumerated() {
      objects.append(try DataObject(item, path: "\(position(name))[\(index)]"))
    }
    return objects
  }

  private func items(_ name: String) throws(CommandFailure) -> [JSONValue] {
    guard let value = value(name) else { return [] }
    guard let items = value.array else { throw failure(name, "must be a list") }
    return items
  }
}
