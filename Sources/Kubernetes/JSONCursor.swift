/// Walks through JSON text and keeps only what it is asked for: the answers of kubelets and API servers are mostly fields
/// that nobody here needs. Total on any bytes; depth is bounded. What is skipped is checked for its brackets and strings only.
///
/// One reader, one text; the parsers of answers make one each.
package struct JSONCursor {
  /// Where the text is not what was expected.
  package struct Malformed: Error, CustomStringConvertible {
    package let what: String
    package let offset: Int
    package var description: String { "\(what) (byte \(offset))" }

    package init(what: String, offset: Int) {
      self.what = what
      self.offset = offset
    }
  }

  /// Deeper than any object of Kubernetes.
  static let maximumDepth = 64

  private let bytes: [UInt8]
  private var at = 0
  private var depth = 0

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Nothing but white space may be left.
  package mutating func end() throws(Malformed) {
    skipSpace()
    guard at == bytes.count else { throw failure("text behind the value") }
  }

  /// Calls `member` with the name of each member of an object; `member` must read or skip the value. `null` has none.
  package mutating func object(
    _ expected: String = "expected an object", _ member: (inout JSONCursor, String) throws(Malformed) -> Void
  ) throws(Malformed) {
    guard try opens(UInt8(ascii: "{"), expected) else { return }
    try elements(UInt8(ascii: "}")) { (cursor) throws(Malformed) in
      cursor.skipSpace()
      guard cursor.peek == UInt8(ascii: "\"") else { throw cursor.failure("expected a member name") }
      let name = try cursor.text()
      cursor.skipSpace()
      guard cursor.take(UInt8(ascii: ":")) else { throw cursor.failure("expected ':'") }
      try member(&cursor, name)
    }
  }

  /// Calls `element` at each element of an array; `element` must read or skip it. `null` has none.
  package mutating func array(
    _ expected: String = "expected an array", _ element: (inout JSONCursor) throws(Malformed) -> Void
  ) throws(Malformed) {
    guard try opens(UInt8(ascii: "["), expected) else { return }
    try elements(UInt8(ascii: "]"), element)
  }

  /// A string; empty for `null`.
  package mutating func string() throws(Malformed) -> String {
    skipSpace()
    if isNull() { return "" }
    guard peek == UInt8(ascii: "\"") else { throw failure("expected a string") }
    return try text()
  }

  /// `true` or `false`; false for `null`.
  package mutating func bool() throws(Malformed) -> Bool {
    skipSpace()
    if isNull() || word("false") { return false }
    guard word("true") else { throw failure("expected true or false") }
    return true
  }

  /// A whole number; nil for anything else that is a value.
  package mutating func integer() throws(Malformed) -> Int? {
    skipSpace()
    let start = at
    try skip()
    return Int(String(decoding: bytes[start..<at], as: UTF8.self))
  }

  /// Passes over a value of any kind.
  package mutating func skip() throws(Malformed) {
    skipSpace()
    var closing: [UInt8] = []
    repeat {
      skipSpace()
      switch peek {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        guard depth + closing.count < Self.maximumDepth else { throw failure("nesting is too deep") }
        closing.append(peek == UInt8(ascii: "{") ? UInt8(ascii: "}") : UInt8(ascii: "]"))
        at += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard let expected = closing.popLast(), take(expected) else { throw failure("unexpected bracket") }
      case UInt8(ascii: "\""): try skipText()
      case UInt8(ascii: ","), UInt8(ascii: ":"):
        guard !closing.isEmpty else { throw failure("expected a value") }
        at += 1
      case nil: throw failure("unexpected end")
      default: try skipWord()
      }
    } while !closing.isEmpty
  }

  // MARK: Parts

  private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

  private func failure(_ what: String) -> Malformed {
    Malformed(what: at < bytes.count ? what : "unexpected end of JSON input", offset: at)
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    at += 1
    return true
  }

  private mutating func skipSpace() {
    while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 { at += 1 }
  }

  /// Steps behind an opening bracket; false at `null`.
  private mutating func opens(_ bracket: UInt8, _ expected: String) throws(Malformed) -> Bool {
    skipSpace()
    if isNull() { return false }
    guard take(bracket) else { throw failure(expected) }
    return true
  }

  private mutating func elements(
    _ closing: UInt8, _ element: (inout JSONCursor) throws(Malformed) -> Void
  ) throws(Malformed) {
    guard depth < Self.maximumDepth else { throw failure("nesting is too deep") }
    depth += 1
    skipSpace()
    if !take(closing) {
      while true {
        let start = at
        try element(&self)
        precondition(at > start, "an element was neither read nor skipped")
        skipSpace()
        if take(closing) { break }
        guard take(UInt8(ascii: ",")) else { throw failure("expected ',' or a closing bracket") }
      }
    }
    depth -= 1
  }

  private mutating func isNull() -> Bool { word("null") }

  private mutating func word(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard bytes.count - at >= count, text.withUTF8Buffer({ bytes[at..<at + count].elementsEqual($0) }) else {
      return false
    }
    at += count
    return true
  }

  /// A number, `true`, `false` or `null`.
  private mutating func skipWord() throws(Malformed) {
    let start = at
    while let byte = peek, Self.isWord(byte) { at += 1 }
    guard at > start else { throw failure("invalid character") }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
      UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  private mutating func skipText() throws(Malformed) {
    at += 1
    while let byte = peek {
      at += 1
      if byte == UInt8(ascii: "\"") { return }
      if byte == UInt8(ascii: "\\") { at += 1 }
    }
    at = bytes.count
    throw failure("unexpected end")
  }

  private mutating func text() throws(Malformed) -> String {
    let start = at
    try skipText()
    let content = bytes[start + 1..<at - 1]
    if !content.contains(UInt8(ascii: "\\")) { return String(decoding: content, as: UTF8.self) }
    guard let text = Self.unescaped(content) else { throw Malformed(what: "invalid escape", offset: start) }
    return text
  }

  private static func unescaped(_ content: ArraySlice<UInt8>) -> String? {
    var result: [UInt8] = []
    var rest = content
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "\"")?: result.append(UInt8(ascii: "\""))
      case UInt8(ascii: "\\")?: result.append(UInt8(ascii: "\\"))
      case UInt8(ascii: "/")?: result.append(UInt8(ascii: "/"))
      case UInt8(ascii: "b")?: result.append(0x08)
      case UInt8(ascii: "f")?: result.append(0x0C)
      case UInt8(ascii: "n")?: result.append(0x0A)
      case UInt8(ascii: "r")?: result.append(0x0D)
      case UInt8(ascii: "t")?: result.append(0x09)
      case UInt8(ascii: "u")?:
        guard let scalar = scalar(&rest) else { return nil }
        result += Array(String(Character(scalar)).utf8)
      default: return nil
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// What follows `\u`; U+FFFD for half a pair, as in Go.
  private static func scalar(_ rest: inout ArraySlice<UInt8>) -> Unicode.Scalar? {
    guard let unit = unit(&rest) else { return nil }
    if let scalar = Unicode.Scalar(unit) { return scalar }
    var ahead = rest
    guard unit < 0xDC00, ahead.popFirst() == UInt8(ascii: "\\"), ahead.popFirst() == UInt8(ascii: "u"),
      let low = Self.unit(&ahead), (0xDC00...0xDFFF).contains(low)
    else { return "\u{FFFD}" }
    rest = ahead
    return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
  }

  private static func unit(_ rest: inout ArraySlice<UInt8>) -> UInt32? {
    guard rest.count >= 4 else { return nil }
    var unit: UInt32 = 0
    for byte in rest.prefix(4) {
      guard byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      unit = unit << 4 | UInt32(digit)
    }
    rest = rest.dropFirst(4)
    return unit
  }
}
