/// Texts: plain ones, quoted ones, and those in blocks of lines.
extension YAMLReader {
  /// Words that mean nothing.
  private static let nulls: Set<String> = ["", "~", "null", "Null", "NULL"]

  static func scalar(_ text: String) -> YAMLValue { nulls.contains(text) ? .null : .text(text, isPlain: true) }

  /// Refuses what would begin something else than a plain scalar.
  func refuseIndicators() throws(Malformed) {
    switch peek {
    case UInt8(ascii: "&"), UInt8(ascii: "*"): throw failure("anchors and aliases are not supported")
    case UInt8(ascii: "!"): throw failure("tags are not supported")
    case UInt8(ascii: "@"), UInt8(ascii: "`"), UInt8(ascii: "%"), UInt8(ascii: ","), UInt8(ascii: "]"),
      UInt8(ascii: "}"):
      throw failure("a text that begins like this must be quoted")
    default: break
    }
  }

  /// A plain text up to the end of its line, a comment, or a colon that makes it a key.
  mutating func plainLine(inFlow: Bool) -> (text: String, endsAtColon: Bool) {
    let start = at
    var end = at
    var endsAtColon = false
    while let byte = peek, byte != 0x0A {
      if byte == UInt8(ascii: "#"), at > start, Self.isSpace(bytes[at - 1]) { break }
      if inFlow, Self.isFlowMark(byte) { break }
      if byte == UInt8(ascii: ":"), Self.isBlank(peek(1)) || inFlow && peek(1).map(Self.isFlowMark) == true {
        endsAtColon = true
        break
      }
      at += 1
      if !Self.isSpace(byte) { end = at }
    }
    at = end
    return (String(decoding: bytes[start..<end], as: UTF8.self), endsAtColon)
  }

  static func isFlowMark(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"): true
    default: false
    }
  }

  /// A plain text in a block, with the lines that go on with it further right than column `parent`.
  mutating func plain(behind parent: Int) throws(Malformed) -> YAMLValue {
    try refuseIndicators()
    let first = plainLine(inFlow: false)
    guard !first.endsAtColon else { throw failure("a map may not begin here") }
    var text = first.text
    while true {
      var ahead = self
      let start = ahead.at
      ahead.skipSpaces()
      // A comment ends the text.
      guard ahead.peek == 0x0A, ahead.at >= start else { break }
      var breaks = 0
      while ahead.peek == 0x0A {
        ahead.newLine()
        breaks += 1
        ahead.skipSpaces()
      }
      guard let next = ahead.peek, next != UInt8(ascii: "#"), ahead.column > parent else { break }
      let more = ahead.plainLine(inFlow: false)
      guard !more.endsAtColon else { throw ahead.failure("a map may not begin here") }
      text += (breaks == 1 ? " " : String(repeating: "\n", count: breaks - 1)) + more.text
      self = ahead
    }
    return Self.scalar(text)
  }

  // MARK: Quotes

  mutating func quoted() throws(Malformed) -> String {
    let quote = bytes[at]
    at += 1
    var result: [UInt8] = []
    while let byte = peek {
      at += 1
      if byte == quote {
        guard quote == UInt8(ascii: "'"), peek == quote else { return String(decoding: result, as: UTF8.self) }
        at += 1
        result.append(quote)
      } else if byte == 0x0A {
        at -= 1
        fold(&result)
      } else if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        try escape(&result)
      } else {
        result.append(byte)
      }
    }
    throw failure("a quote is not closed")
  }

  /// A line's end inside quotes: a space, or as many line ends as there are blank lines.
  private mutating func fold(_ result: inout [UInt8]) {
    while Self.isSpace(result.last) { result.removeLast() }
    var breaks = 0
    while peek == 0x0A {
      newLine()
      breaks += 1
      skipSpaces()
    }
    result += breaks == 1 ? [0x20] : [UInt8](repeating: 0x0A, count: breaks - 1)
  }

  private mutating func escape(_ result: inout [UInt8]) throws(Malformed) {
    guard let byte = peek else { throw failure("a quote is not closed") }
    at += 1
    switch byte {
    case UInt8(ascii: "0"): result.append(0)
    case UInt8(ascii: "a"): result.append(0x07)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "t"), 0x09: result.append(0x09)
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "v"): result.append(0x0B)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "e"): result.append(0x1B)
    case 0x20, UInt8(ascii: "\""), UInt8(ascii: "/"), UInt8(ascii: "\\"): result.append(byte)
    case UInt8(ascii: "N"): result += Array("\u{85}".utf8)
    case UInt8(ascii: "_"): result += Array("\u{A0}".utf8)
    case UInt8(ascii: "L"): result += Array("\u{2028}".utf8)
    case UInt8(ascii: "P"): result += Array("\u{2029}".utf8)
    case UInt8(ascii: "x"): result += try scalar(digits: 2)
    case UInt8(ascii: "u"): result += try scalar(digits: 4)
    case UInt8(ascii: "U"): result += try scalar(digits: 8)
    case 0x0A:
      // The line goes on below, without a space.
      at -= 1
      newLine()
      skipSpaces()
    default: throw failure("an escape that is not known")
    }
  }

  private mutating func scalar(digits: Int) throws(Malformed) -> [UInt8] {
    var value = try number(digits)
    if digits == 4, (0xD800..<0xDC00).contains(value), peek == UInt8(ascii: "\\"), peek(1) == UInt8(ascii: "u") {
      // JSON writes two for a character beyond U+FFFF.
      at += 2
      let low = try number(4)
      guard (0xDC00..<0xE000).contains(low) else { throw failure("an escape of half a character") }
      value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(value) else { throw failure("an escape of no character") }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func number(_ digits: Int) throws(Malformed) -> UInt32 {
    let text = bytes[at..<min(at + digits, bytes.count)]
    guard text.count == digits, text.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }),
      let value = UInt32(String(decoding: text, as: UTF8.self), radix: 16)
    else { throw failure("an escape without its digits") }
    at += digits
    return value
  }

  // MARK: Blocks of lines

  /// The text of `|` (lines as they are) or `>` (lines that are joined).
  mutating func blockScalar(behind parent: Int) throws(Malformed) -> String {
    let isFolded = peek == UInt8(ascii: ">")
    at += 1
    var indent: Int?
    var chomp: UInt8?
    while let byte = peek, !Self.isBlank(byte) {
      switch byte {
      case UInt8(ascii: "1")...UInt8(ascii: "9") where indent == nil:
        indent = max(parent, 0) + Int(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "+"), UInt8(ascii: "-"): chomp = byte
      default: throw failure("a block of lines must begin on the next line")
      }
      at += 1
    }
    try endLine()
    let lines = try blockLines(behind: parent, indent)
    let kept = lines.lastIndex { !$0.isEmpty }.map { lines[...$0] } ?? []
    var text = isFolded ? Self.folded(Array(kept)) : kept.joined(separator: "\n")
    switch chomp {
    case UInt8(ascii: "-")?: break
    case UInt8(ascii: "+")?:
      text += String(repeating: "\n", count: lines.count - kept.count + (kept.isEmpty ? 0 : 1))
    default: if !kept.isEmpty { text += "\n" }
    }
    return text
  }

  /// The lines of a block without their indentation; stands at the end of the last one afterwards.
  private mutating func blockLines(behind parent: Int, _ wanted: Int?) throws(Malformed) -> [String] {
    var indent = wanted
    var lines: [String] = []
    while peek == 0x0A, at + 1 < bytes.count {
      var ahead = self
      ahead.newLine()
      while ahead.peek == 0x20, indent.map({ ahead.column < $0 }) ?? true { ahead.at += 1 }
      let isBlank = ahead.peek == 0x0A || ahead.peek == nil
      if !isBlank {
        if indent == nil, ahead.column > parent { indent = ahead.column }
        guard let indent, ahead.column >= indent else { break }
        guard ahead.peek != 0x09 || ahead.column > parent else { throw ahead.failure("a tab in the indentation") }
      }
      let start = ahead.at
      while let byte = ahead.peek, byte != 0x0A { _ = byte; ahead.at += 1 }
      lines.append(String(decoding: bytes[start..<ahead.at], as: UTF8.self))
      self = ahead
    }
    return lines
  }

  private static func folded(_ lines: [String]) -> String {
    func isIndented(_ line: String) -> Bool { line.hasPrefix(" ") || line.hasPrefix("\t") }
    var text = ""
    var previous: String?
    var blanks = 0
    for line in lines {
      if line.isEmpty {
        blanks += 1
        continue
      }
      if let previous {
        let keeps = isIndented(line) || isIndented(previous)
        text +=
          keeps
          ? String(repeating: "\n", count: blanks + 1) : blanks == 0 ? " " : String(repeating: "\n", count: blanks)
      } else {
        text += String(repeating: "\n", count: blanks)
      }
      text += line
      previous = line
      blanks = 0
    }
    return text
  }
}
