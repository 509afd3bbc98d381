/// A JSON value (RFC 8259), as JWTs, JWK sets and claims need it.
///
/// Numbers keep what was written: an integer that fits is an `Int64`, every other number a `Double`.
public enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// Parses a JSON text.
  ///
  /// Bytes that are not UTF-8 and lone surrogate escapes become U+FFFD, as in Go.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedJSON` for a text that is not JSON or exceeds `limits`.
  public init(parsing bytes: [UInt8], limits: JSONLimits = .init()) throws(SPIFFEError) {
    var parser = JSONParser(bytes: bytes, limits: limits)
    self = try parser.document()
  }

  /// Parses a JSON text.
  public init(parsing text: String, limits: JSONLimits = .init()) throws(SPIFFEError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }

  /// The value as UTF-8 JSON text.
  public func encoded(_ style: JSONStyle = .compact) -> [UInt8] {
    var writer = JSONWriter(style: style)
    writer.write(self)
    return writer.output
  }

  /// The value as JSON text.
  public func text(_ style: JSONStyle = .compact) -> String { String(decoding: encoded(style), as: UTF8.self) }

  /// The string, if the value is one.
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  /// The items, if the value is an array.
  public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  /// The members, if the value is an object.
  public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
  /// Whether the value is `null`.
  public var isNull: Bool { self == .null }

  /// The number cut to a whole one, if the value is a number that an `Int64` can hold.
  public var integer: Int64? {
    switch self {
    case .int(let value): value
    case .double(let value): Int64(exactly: value.rounded(.towardZero))
    default: nil
    }
  }

  /// The member `name`, if the value is an object that has it.
  public subscript(name: String) -> JSONValue? { object?[name] }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .int(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements.map { JSONObject.Member(name: $0, value: $1) }))
  }
}
