/// Quoted strings and heredocs.
extension HCLLexer {
  /// A string in double quotes. Inside `${…}` quotes and backslashes mean nothing and lines may end.
  mutating func scanString() -> HCLToken.Kind {
    let start = position
    advance()
    let afterQuote = self.mark
    var text: [UInt8] = []
    var braces = 0
    var valid = true
    while let byte = peek() {
      if braces == 0 && byte == UInt8(ascii: "\"") {
        advance()
        return finish(text, valid, start)
      }
      if braces == 0 && byte == UInt8(ascii: "\n") { break }
      if braces == 0 && byte == UInt8(ascii: "\\") {
        valid = scanEscape(into: &text) && valid
        continue
      }
      if braces == 0 && byte == UInt8(ascii: "$") && peek(1) == UInt8(ascii: "{") {
        text += [byte, UInt8(ascii: "{")]
        braces = 1
        advance(2)
        continue
      }
      if braces > 0 && byte == UInt8(ascii: "{") { braces += 1 }
      if braces > 0 && byte == UInt8(ascii: "}") { braces -= 1 }
      text.append(byte)
      advance()
    }
    noteRescan()
    problems.add(start, braces > 0 ? "string not terminated: \"${\" is not closed" : "string not terminated")
    restore(afterQuote)
    while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
    return .invalid
  }

  private mutating func finish(_ text: [UInt8], _ valid: Bool, _ start: HCLPosition) -> HCLToken.Kind {
    guard valid else { return .invalid }
    guard let string = String(validating: text, as: UTF8.self) else {
      problems.add(start, "the string's escapes do not make valid UTF-8")
      return .invalid
    }
    return .string(string)
  }

  /// Reads one escape sequence; notes a problem and returns false when it is none.
  private mutating func scanEscape(into text: inout [UInt8]) -> Bool {
    let start = position
    advance()
    guard let byte = peek() else { return true }
    let simple: [UInt8: UInt8] = [
      UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10,
      UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "v"): 11, UInt8(ascii: "\\"): UInt8(ascii: "\\"),
      UInt8(ascii: "\""): UInt8(ascii: "\""),
    ]
    if let value = simple[byte] {
      text.append(value)
      advance()
      return true
    }
    let value: UInt32?
    switch byte {
    case UInt8(ascii: "x"): value = scanDigits(radix: 16, count: 2, skip: 1)
    case UInt8(ascii: "u"): value = scanDigits(radix: 16, count: 4, skip: 1)
    case UInt8(ascii: "U"): value = scanDigits(radix: 16, count: 8, skip: 1)
    case UInt8(ascii: "0")...UInt8(ascii: "7"): value = scanDigits(radix: 8, count: 3, skip: 0)
    default: value = nil
    }
    if let value, byte == UInt8(ascii: "x") || byte < UInt8(ascii: "8"), value < 256 {
      text.append(UInt8(value))
      return true
    }
    if let value, byte == UInt8(ascii: "u") || byte == UInt8(ascii: "U"), let scalar = Unicode.Scalar(value) {
      text += Array(String(scalar).utf8)
      return true
    }
    problems.add(start, "unknown escape in a string: a backslash itself is written \"\\\\\"")
    return false
  }

  private mutating func scanDigits(radix: UInt32, count: Int, skip: Int) -> UInt32? {
    advance(skip)
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let byte = peek(), let digit = Self.hexValue(byte), digit < radix else { return nil }
      value = value &* radix &+ digit
      advance()
    }
    return value
  }

  /// `<<MARK` or `<<-MARK`, then lines up to one that holds only the mark.
  mutating func scanHeredoc() -> HCLToken.Kind {
    let start = position
    let beginning = mark
    advance()
    let isPair = peek() == UInt8(ascii: "<")
    advance()
    let indented = peek() == UInt8(ascii: "-")
    if indented { advance() }
    let markStart = offset
    while let byte = peek(), byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") {
      let length = letterLength()
      guard length > 0 || Self.isDigit(byte) else { break }
      advance(max(length, 1))
    }
    let name = bytes[markStart..<offset]
    if peek() == UInt8(ascii: "\r") { advance() }
    guard isPair, !name.isEmpty, peek() == UInt8(ascii: "\n") else {
      problems.add(start, "malformed heredoc: it begins with << or <<-, a word, and the end of the line")
      restore(beginning)
      while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
      return .invalid
    }
    advance()
    let afterFirstLine = mark
    var lines: [ArraySlice<UInt8>] = []
    while offset < bytes.count {
      let lineStart = offset
      while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
      let line = bytes[lineStart..<offset]
      if Self.ends(line, name) {
        let indent = line.prefix { UTF8Check.isSpace($0) }
        return .string(Self.join(lines, indent: indent, indented: indented))
      }
      lines.append(line)
      advance()
    }
    noteRescan()
    problems.add(start, "heredoc not terminated: no line holds only \(String(decoding: name, as: UTF8.self))")
    restore(afterFirstLine)
    return .invalid
  }

  private static func ends(_ line: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
    var rest = line.drop { UTF8Check.isSpace($0) }
    while rest.last == UInt8(ascii: "\r") { rest = rest.dropLast() }
    return rest == name
  }

  /// The text of a heredoc. With `<<-` the mark's own indentation is taken off every line, if every line has it.
  private static func join(
    _ lines: [ArraySlice<UInt8>], indent: ArraySlice<UInt8>, indented: Bool
  ) -> String {
    var text: [UInt8] = []
    let strip = indented && lines.allSatisfy { $0.starts(with: indent) }
    for line in lines {
      text += strip ? line.dropFirst(indent.count) : line
      text.append(UInt8(ascii: "\n"))
    }
    // SPIRE: the blanks before the mark belong to the text of a plain heredoc.
    if !indented { text += indent }
    return String(decoding: text, as: UTF8.self)
  }

  /// Reading goes on behind the first line of text that has no end. Each time may cost a pass over the rest of the
  /// file, so there are few.
  private mutating func noteRescan() {
    rescans += 1
    if rescans > 10 { problems.endAfterNext() }
  }

  /// A place to go back to.
  private var mark: (offset: Int, line: Int, column: Int) { (offset, line, column) }

  private mutating func restore(_ mark: (offset: Int, line: Int, column: Int)) {
    (offset, line, column) = mark
  }
}
