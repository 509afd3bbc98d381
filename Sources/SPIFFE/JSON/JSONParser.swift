/// A recursive-descent JSON parser with bounded size and depth. One use per text; called by ``JSONValue`` only.
struct JSONParser {
  private let bytes: [UInt8]
  private let limits: JSONLimits
  private var at = 0

  init(bytes: [UInt8], limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  mutating func document() throws(SPIFFEError) -> JSONValue {
    guard bytes.count <= limits.maximumBytes else {
      throw SPIFFEError(.malformedJSON, "JSON text is larger than \(limits.maximumBytes) bytes")
    }
    let value = try value(depth: 0)
    skipSpace()
    guard at == bytes.count else { throw failure("invalid character after top-level value") }
    return value
  }

  private func failure(_ what: String) -> SPIFFEError {
    SPIFFEError(.malformedJSON, at < bytes.count ? "\(what) (byte \(at))" : "unexpected end of JSON input")
  }

  private mutating func skipSpace() {
    while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 { at += 1 }
  }

  private var current: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard current == byte else { return false }
    at += 1
    return true
  }

  private mutating func value(depth: Int) throws(SPIFFEError) -> JSONValue {
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: return try number()
    }
  }

  private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(SPIFFEError) -> JSONValue {
    let length = text.utf8CodeUnitCount
    guard bytes.count - at >= length,
      text.withUTF8Buffer({ bytes[at..<at + length].elementsEqual($0) })
    else { throw failure("invalid literal") }
    at += length
    return value
  }

  private mutating func array(depth: Int) throws(SPIFFEError) -> JSONValue {
    guard depth <= limits.maximumDepth else { throw failure("nesting is too deep") }
    at += 1
    var items: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array(items) }
    while true {
      items.append(try value(depth: depth))
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(items) }
      guard take(UInt8(ascii: ",")) else { throw failure("expected ',' or ']'") }
    }
  }

  private mutating func object(depth: Int) throws(SPIFFEError) -> JSONValue {
    guard depth <= limits.maximumDepth else { throw failure("nesting is too deep") }
    at += 1
    var members: [JSONObject.Member] = []
    var seen: Set<[UInt8]> = []
    var hasDuplicates = false
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object(JSONObject(unique: [])) }
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw failure("expected a member name") }
      let name = try string()
      if !seen.insert(Array(name.utf8)).inserted {
        if limits.rejectsDuplicates { throw failure("json: duplicate key '\(name)' in object") }
        hasDuplicates = true
      }
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw failure("expected ':'") }
      members.append(JSONObject.Member(name: name, value: try value(depth: depth)))
      skipSpace()
      if take(UInt8(ascii: "}")) { break }
      guard take(UInt8(ascii: ",")) else { throw failure("expected ',' or '}'") }
    }
    return .object(hasDuplicates ? JSONObject(members) : JSONObject(unique: members))
  }

  private mutating func number() throws(SPIFFEError) -> JSONValue {
    let start = at
    let isNegative = take(UInt8(ascii: "-"))
    if take(UInt8(ascii: "0")) {
      // A leading zero stands alone.
    } else {
      guard takeDigits() else { throw failure("invalid character") }
    }
    var isInteger = true
    if take(UInt8(ascii: ".")) {
      isInteger = false
      guard takeDigits() else { throw failure("invalid number") }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isInteger = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard takeDigits() else { throw failure("invalid number") }
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if isInteger, let value = Int64(text), !(isNegative && value == 0) { return .int(value) }
    guard let value = Double(text), value.isFinite else { throw failure("number is out of range") }
    return .double(value)
  }

  private mutating func takeDigits() -> Bool {
    let start = at
    while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { at += 1 }
    return at > start
  }

  private mutating func string() throws(SPIFFEError) -> String {
    at += 1
    let start = at
    while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { at += 1 }
    if current == UInt8(ascii: "\"") {
      let text = String(decoding: bytes[start..<at], as: UTF8.self)
      at += 1
      return text
    }
    var buffer = Array(bytes[start..<at])
    while let byte = current {
      if byte < 0x20 { break }
      at += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: buffer, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &buffer)
      default: buffer.append(byte)
      }
    }
    throw failure("invalid character in string")
  }

  private mutating func escape(into buffer: inout [UInt8]) throws(SPIFFEError) {
    guard let byte = current else { throw failure("invalid escape") }
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): buffer.append(byte)
    case UInt8(ascii: "b"): buffer.append(0x08)
    case UInt8(ascii: "f"): buffer.append(0x0C)
    case UInt8(ascii: "n"): buffer.append(0x0A)
    case UInt8(ascii: "r"): buffer.append(0x0D)
    case UInt8(ascii: "t"): buffer.append(0x09)
    case UInt8(ascii: "u"):
      guard let unit = hexUnit() else { throw failure("invalid escape") }
      buffer.append(contentsOf: Array(String(scalar(from: unit)).utf8))
    default:
      at -= 1
      throw failure("invalid escape")
    }
  }

  private mutating func hexUnit() -> UInt32? {
    guard bytes.count - at >= 4 else { return nil }
    var unit: UInt32 = 0
    for byte in bytes[at..<at + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else { return nil }
      unit = unit << 4 | UInt32(digit)
    }
    at += 4
    return unit
  }

  private mutating func scalar(from unit: UInt32) -> Unicode.Scalar {
    if let scalar = Unicode.Scalar(unit) { return scalar }
    let replacement: Unicode.Scalar = "\u{FFFD}"
    guard unit < 0xDC00, bytes.count - at >= 6, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u")
    else { return replacement }
    let mark = at
    at += 2
    guard let low = hexUnit(), (0xDC00...0xDFFF).contains(low) else {
      at = mark
      return replacement
    }
    return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)) ?? replacement
  }
}
