import SPIFFE

/// The members of a JSON message of a node attestor, read as Go reads them into a structure: names in any case, the last
/// of several counts, null and absent are the same, bytes are standard base64. A value; bounded before it is parsed.
package struct MessageMembers: Sendable {
  /// The largest message. In bytes.
  package static let maximumSize = 512 << 10

  private let members: [JSONObject.Member]

  package init(_ bytes: [UInt8]) throws(NodeProofError) {
    guard bytes.count <= Self.maximumSize else {
      throw NodeProofError("the message is larger than \(Self.maximumSize) bytes")
    }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: bytes, limits: JSONLimits(maximumBytes: Self.maximumSize, maximumDepth: 8))
    } catch {
      throw NodeProofError("\(error)")
    }
    try self.init(value)
  }

  private init(_ value: JSONValue) throws(NodeProofError) {
    switch value {
    case .null: members = []
    case .object(let object): members = object.members
    default: throw NodeProofError("json: the message is no object")
    }
  }

  private func value(_ name: String) -> JSONValue? {
    let found = members.last { $0.name == name || $0.name.lowercased() == name.lowercased() }?.value
    return found?.isNull == true ? nil : found
  }

  private static func mismatch(_ name: String, _ wanted: String) -> NodeProofError {
    NodeProofError("json: \(name) is not \(wanted)")
  }

  /// The bytes of a base64 string; nil when there is none.
  package func bytes(_ name: String) throws(NodeProofError) -> [UInt8]? {
    try value(name).map { (value) throws(NodeProofError) in try Self.bytes(value, name) }
  }

  private static func bytes(_ value: JSONValue, _ name: String) throws(NodeProofError) -> [UInt8] {
    guard let text = value.string else { throw mismatch(name, "a string") }
    do { return try Base64.decode(text, ignoringNewlines: true) } catch {
      throw NodeProofError("json: \(name): \(error)")
    }
  }

  /// A list of base64 strings; empty when there is none.
  package func byteLists(_ name: String, atMost limit: Int) throws(NodeProofError) -> [[UInt8]] {
    guard let value = value(name) else { return [] }
    guard let items = value.array else { throw Self.mismatch(name, "a list") }
    guard items.count <= limit else { throw NodeProofError("json: \(name) has more than \(limit) items") }
    var lists: [[UInt8]] = []
    for item in items { lists.append(item.isNull ? [] : try Self.bytes(item, name)) }
    return lists
  }

  /// Text; empty when there is none.
  package func string(_ name: String) throws(NodeProofError) -> String { try optionalString(name) ?? "" }

  /// Text; nil when there is none.
  package func optionalString(_ name: String) throws(NodeProofError) -> String? {
    guard let value = value(name) else { return nil }
    guard let text = value.string else { throw Self.mismatch(name, "a string") }
    return text
  }

  /// A whole number; 0 when there is none.
  package func integer(_ name: String) throws(NodeProofError) -> Int {
    guard let value = value(name) else { return 0 }
    guard case .int(let number) = value else { throw Self.mismatch(name, "a whole number") }
    return Int(number)
  }

  /// An object; nil when there is none.
  package func object(_ name: String) throws(NodeProofError) -> MessageMembers? {
    guard let value = value(name) else { return nil }
    guard case .object = value else { throw Self.mismatch(name, "an object") }
    return try MessageMembers(value)
  }
}
