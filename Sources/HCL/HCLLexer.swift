/// Cuts HCL 1 text into tokens. The bytes are known to be UTF-8.
///
/// It notes problems and goes on behind them, so that one run finds them all.
struct HCLLexer {
  let bytes: [UInt8]
  var offset = 0
  var line = 1
  var column = 1
  var problems = HCLProblems()
  /// How often the lexer went back from the end of the file.
  var rescans = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
  }

  var position: HCLPosition { HCLPosition(line: line, column: column) }

  func peek(_ distance: Int = 0) -> UInt8? {
    let index = offset + distance
    return index < bytes.count ? bytes[index] : nil
  }

  mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if offset == bytes.count || bytes[offset] & 0xC0 != 0x80 {
        column += 1
      }
    }
  }

  /// The next token; `.end` again and again at the end.
  mutating func next() -> HCLToken {
    let lineBefore = line
    let atStart = offset == 0
    skipBlanks()
    var token = HCLToken(kind: .end, position: position, isFirstOnLine: atStart || line > lineBefore)
    guard let byte = peek(), !problems.stop else { return token }
    token.kind = scan(byte)
    return token
  }

  private mutating func scan(_ byte: UInt8) -> HCLToken.Kind {
    switch byte {
    case UInt8(ascii: "{"): return single(.leftBrace)
    case UInt8(ascii: "}"): return single(.rightBrace)
    case UInt8(ascii: "["): return single(.leftBracket)
    case UInt8(ascii: "]"): return single(.rightBracket)
    case UInt8(ascii: "="): return single(.assign)
    case UInt8(ascii: ","): return single(.comma)
    case UInt8(ascii: "\""): return scanString()
    case UInt8(ascii: "<"): return scanHeredoc()
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."): return scanNumber()
    default:
      if letterLength() > 0 { return scanIdentifier() }
      let character = String(decoding: bytes[offset...].prefix(4), as: UTF8.self).unicodeScalars.first
      problems.add(position, "unexpected character \(HCLText.quote(character.map { String($0) } ?? ""))")
      advance()
      while let byte = peek(), byte & 0xC0 == 0x80 { advance() }
      return .invalid
    }
  }

  private mutating func single(_ kind: HCLToken.Kind) -> HCLToken.Kind {
    advance()
    return kind
  }

  private mutating func skipBlanks() {
    while let byte = peek() {
      if UTF8Check.isSpace(byte) {
        advance()
      } else if byte == UInt8(ascii: "#") || (byte == UInt8(ascii: "/") && peek(1) == UInt8(ascii: "/")) {
        while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
      } else if byte == UInt8(ascii: "/") && peek(1) == UInt8(ascii: "*") {
        skipBlockComment()
      } else {
        return
      }
    }
  }

  private mutating func skipBlockComment() {
    let start = position
    advance(2)
    while let byte = peek() {
      if byte == UInt8(ascii: "*") && peek(1) == UInt8(ascii: "/") { return advance(2) }
      advance()
    }
    problems.add(start, "comment not terminated: no \"*/\" follows")
  }

  private mutating func scanIdentifier() -> HCLToken.Kind {
    let start = offset
    while let byte = peek() {
      let length = letterLength()
      if length > 0 {
        advance(length)
      } else if Self.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") {
        advance()
      } else {
        break
      }
    }
    switch String(decoding: bytes[start..<offset], as: UTF8.self) {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case let text: return .identifier(text)
    }
  }

  /// The length in bytes of the letter or underscore at the current place, 0 if there is none.
  func letterLength() -> Int {
    guard let byte = peek() else { return 0 }
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): return 1
    case 0x80...:
      guard let scalar = String(decoding: bytes[offset...].prefix(4), as: UTF8.self).unicodeScalars.first,
        scalar.properties.isAlphabetic
      else { return 0 }
      return UTF8.width(scalar)
    default: return 0
    }
  }

  static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  static func isHexDigit(_ byte: UInt8) -> Bool { hexValue(byte) != nil }

  static func hexValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}
