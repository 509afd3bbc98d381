/// Parses a configuration written as JSON into the same tree as HCL. It stops at the first mistake.
struct HCLJSONParser {
  private var lexer: HCLLexer
  var problems: HCLProblems { lexer.problems }

  private struct Broken: Error {}

  init(_ bytes: [UInt8]) { lexer = HCLLexer(bytes) }

  mutating func parseFile() -> HCLObject {
    skipBlanks()
    let start = lexer.position
    do {
      let root = try object(depth: 1)
      skipBlanks()
      if lexer.peek() != nil { throw note("expected the end of the file after the closing \"}\"") }
      return root
    } catch {
      return HCLObject(items: [], at: start)
    }
  }

  private mutating func note(_ message: String) -> Broken {
    lexer.problems.add(lexer.position, message)
    return Broken()
  }

  private mutating func skipBlanks() {
    while let byte = lexer.peek(), UTF8Check.isSpace(byte) { lexer.advance() }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard lexer.peek() == byte else { return false }
    lexer.advance()
    return true
  }

  private mutating func object(depth: Int) throws(Broken) -> HCLObject {
    let start = lexer.position
    lexer.problems.checkDepth(depth, start)
    if lexer.problems.stop { throw Broken() }
    lexer.advance()
    var items: [HCLItem] = []
    if take(UInt8(ascii: "}")) { return HCLObject(items: [], at: start) }
    repeat {
      skipBlanks()
      let keyPosition = lexer.position
      lexer.problems.count(keyPosition)
      guard lexer.peek() == UInt8(ascii: "\"") else { throw note("expected a key in double quotes") }
      let key = HCLItem.Key(try string(), at: keyPosition)
      guard take(UInt8(ascii: ":")) else { throw note("expected \":\" after the key \(HCLText.quote(key.text))") }
      items.append(HCLItem(keys: [key], value: try value(depth: depth)))
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else {
      throw note("expected \",\" or \"}\" in the object that begins at \(start)")
    }
    return HCLObject(items: items, at: start)
  }

  private mutating func list(depth: Int) throws(Broken) -> [HCLValue] {
    let start = lexer.position
    lexer.problems.checkDepth(depth, start)
    if lexer.problems.stop { throw Broken() }
    lexer.advance()
    var values: [HCLValue] = []
    if take(UInt8(ascii: "]")) { return [] }
    repeat { values.append(try value(depth: depth)) } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else {
      throw note("expected \",\" or \"]\" in the list that begins at \(start)")
    }
    return values
  }

  private mutating func value(depth: Int) throws(Broken) -> HCLValue {
    skipBlanks()
    let position = lexer.position
    lexer.problems.count(position)
    if lexer.problems.stop { throw Broken() }
    switch lexer.peek() {
    case UInt8(ascii: "{"): return HCLValue(.object(try object(depth: depth + 1)), at: position)
    case UInt8(ascii: "["): return HCLValue(.list(try list(depth: depth + 1)), at: position)
    case UInt8(ascii: "\""): return HCLValue(.string(try string()), at: position)
    default: break
    }
    if take("true") { return HCLValue(.bool(true), at: position) }
    if take("false") { return HCLValue(.bool(false), at: position) }
    if take("null") { return HCLValue(.null, at: position) }
    if let byte = lexer.peek(), HCLLexer.isDigit(byte) || byte == UInt8(ascii: "-") {
      switch lexer.scanNumber() {
      case .number(let text): return HCLValue(.number(text), at: position)
      case .float(let text): return HCLValue(.float(text), at: position)
      default: throw Broken()
      }
    }
    throw note("expected a value")
  }

  private mutating func take(_ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    let matches = word.withUTF8Buffer { lexer.bytes[lexer.offset...].starts(with: $0) }
    if matches { lexer.advance(count) }
    return matches
  }

  private mutating func string() throws(Broken) -> String {
    let start = lexer.position
    lexer.advance()
    var text: [UInt8] = []
    while let byte = lexer.peek(), byte >= 0x20 {
      if byte == UInt8(ascii: "\"") {
        lexer.advance()
        return String(decoding: text, as: UTF8.self)
      }
      if byte == UInt8(ascii: "\\") {
        text += Array(String(try escape()).utf8)
      } else {
        text.append(byte)
        lexer.advance()
      }
    }
    lexer.problems.add(start, "string not terminated")
    throw Broken()
  }

  private mutating func escape() throws(Broken) -> Unicode.Scalar {
    lexer.advance()
    guard let byte = lexer.peek() else { throw note("string not terminated") }
    lexer.advance()
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{08}"
    case UInt8(ascii: "f"): return "\u{0C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try codeUnit()
      if let scalar = Unicode.Scalar(first) { return scalar }
      guard first < 0xDC00, lexer.peek() == UInt8(ascii: "\\"), lexer.peek(1) == UInt8(ascii: "u") else {
        throw note("half a surrogate pair in a string")
      }
      lexer.advance(2)
      let second = try codeUnit()
      guard (0xDC00...0xDFFF).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      else { throw note("half a surrogate pair in a string") }
      return scalar
    default: throw note("unknown escape in a string")
    }
  }

  private mutating func codeUnit() throws(Broken) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = lexer.peek(), let digit = HCLLexer.hexValue(byte) else {
        throw note("\\u must be followed by four hexadecimal digits")
      }
      value = value << 4 | digit
      lexer.advance()
    }
    return value
  }
}
