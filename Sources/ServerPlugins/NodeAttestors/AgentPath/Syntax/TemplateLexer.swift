/// Cuts a template into text and the words of its actions, as Go's text/template does. Called by ``TemplateParser`` only.
struct TemplateLexer {
  enum Token: Sendable {
    /// `.A`; several follow each other in `.A.B`.
    case field(String)
    case variable(String)
    case word(String)
    case string([UInt8])
    case number(TemplateValue)
    case dot, pipe, open, close, declare, assign, comma, space
  }

  enum Piece: Sendable {
    case text([UInt8])
    case action([Token])
  }

  /// The largest template. In bytes.
  static let maximumSize = 8192

  private let scalars: [Unicode.Scalar]
  private var at = 0

  static func pieces(_ template: String) throws(TemplateError) -> [Piece] {
    guard template.utf8.count <= maximumSize else { throw TemplateError("longer than \(maximumSize) bytes") }
    var lexer = TemplateLexer(scalars: Array(template.unicodeScalars))
    return try lexer.pieces()
  }

  private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

  private mutating func pieces() throws(TemplateError) -> [Piece] {
    var pieces: [Piece] = []
    var trims = false
    while true {
      if trims { while at < scalars.count, Self.isSpace(scalars[at]) { at += 1 } }
      let start = at
      while at < scalars.count, !looksAt("{{") { at += 1 }
      let isLast = at == scalars.count
      var end = at
      at += 2
      // A minus in front trims what stands before.
      if !isLast, at + 1 < scalars.count, scalars[at] == "-", Self.isSpace(scalars[at + 1]) {
        at += 2
        while end > start, Self.isSpace(scalars[end - 1]) { end -= 1 }
      }
      if end > start { pieces.append(.text(Self.bytes(scalars[start..<end]))) }
      if isLast { return pieces }
      if looksAt("/*") {
        trims = try comment()
      } else {
        let tokens: [Token]
        (tokens, trims) = try action()
        pieces.append(.action(tokens))
      }
    }
  }

  private func looksAt(_ text: String) -> Bool { scalars[min(at, scalars.count)...].starts(with: text.unicodeScalars) }

  static func isSpace(_ scalar: Unicode.Scalar) -> Bool { " \t\r\n".unicodeScalars.contains(scalar) }

  private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || GoRunes.isLetter(scalar) || GoRunes.isDigit(scalar)
  }

  static func bytes(_ scalars: some Sequence<Unicode.Scalar>) -> [UInt8] { scalars.flatMap(GoRunes.encode) }

  /// Takes `}}` or ` -}}`; nil, and nothing is taken, when the action goes on.
  private mutating func closing() -> Bool? {
    if looksAt("}}") {
      at += 2
      return false
    }
    guard at < scalars.count, Self.isSpace(scalars[at]), scalars[(at + 1)...].starts(with: "-}}".unicodeScalars) else {
      return nil
    }
    at += 4
    return true
  }

  private mutating func comment() throws(TemplateError) -> Bool {
    at += 2
    while !looksAt("*/") {
      guard at < scalars.count else { throw TemplateError("unclosed comment") }
      at += 1
    }
    at += 2
    guard let trims = closing() else { throw TemplateError("comment ends before closing delimiter") }
    return trims
  }

  /// The words up to the end of the action, and whether what follows loses its leading white space.
  private mutating func action() throws(TemplateError) -> ([Token], Bool) {
    var tokens: [Token] = []
    var parentheses = 0
    while true {
      if let trims = closing() {
        guard parentheses == 0 else { throw TemplateError("unclosed left paren") }
        return (tokens, trims)
      }
      guard at < scalars.count else { throw TemplateError("unclosed action") }
      let scalar = scalars[at]
      switch scalar {
      case _ where Self.isSpace(scalar):
        at += 1
        if case .space? = tokens.last { continue }
        tokens.append(.space)
        continue
      case "(": parentheses += 1
      case ")":
        parentheses -= 1
        guard parentheses >= 0 else { throw TemplateError("unexpected right paren") }
      default: break
      }
      tokens.append(try token(scalar))
    }
  }

  private mutating func token(_ scalar: Unicode.Scalar) throws(TemplateError) -> Token {
    let next = at + 1 < scalars.count ? scalars[at + 1] : nil
    switch scalar {
    case "(": return take(.open)
    case ")": return take(.close)
    case "|": return take(.pipe)
    case ",": return take(.comma)
    case "=": return take(.assign)
    case ":":
      guard next == "=" else { throw TemplateError("expected :=") }
      at += 2
      return .declare
    case "\"": return .string(try quoted())
    case "`":
      let start = at + 1
      guard let end = scalars[start...].firstIndex(of: "`") else {
        throw TemplateError("unterminated raw quoted string")
      }
      at = end + 1
      return .string(Self.bytes(scalars[start..<end]))
    case "'": return .number(.integer(try character()))
    case "." where !(next.map { ("0"..."9").contains($0) } ?? false):
      at += 1
      let name = try name()
      return name.isEmpty ? .dot : .field(name)
    case "$":
      at += 1
      return .variable(try name())
    case "+", "-", ".", "0"..."9": return .number(try number())
    default:
      guard Self.isAlphanumeric(scalar) else {
        throw TemplateError("unrecognized character in action: \(GoRunes.described(scalar))")
      }
      return .word(try name())
    }
  }

  private mutating func take(_ token: Token) -> Token {
    at += 1
    return token
  }

  /// Letters, digits and underscores up to what may end a word; may be empty.
  private mutating func name() throws(TemplateError) -> String {
    let start = at
    while at < scalars.count, Self.isAlphanumeric(scalars[at]) { at += 1 }
    if at < scalars.count, !Self.isSpace(scalars[at]), !".,|:)(".unicodeScalars.contains(scalars[at]), !looksAt("}}") {
      throw TemplateError("bad character \(GoRunes.described(scalars[at]))")
    }
    return String(decoding: Self.bytes(scalars[start..<at]), as: UTF8.self)
  }

  private mutating func number() throws(TemplateError) -> TemplateValue {
    let start = at
    if "+-".unicodeScalars.contains(scalars[at]) { at += 1 }
    while at < scalars.count {
      let scalar = scalars[at]
      // The sign of an exponent belongs to the number.
      let isSign = "+-".unicodeScalars.contains(scalar) && "eEpP".unicodeScalars.contains(scalars[at - 1])
      guard isSign || scalar == "." || Self.isAlphanumeric(scalar) else { break }
      at += 1
    }
    let text = String(decoding: Self.bytes(scalars[start..<at]), as: UTF8.self)
    guard let number = TemplateNumber.value(text) else { throw TemplateError("bad number syntax: \"\(text)\"") }
    return number
  }

  // MARK: Quotes

  private mutating func quoted() throws(TemplateError) -> [UInt8] {
    at += 1
    var result: [UInt8] = []
    while at < scalars.count, scalars[at] != "\n" {
      let scalar = scalars[at]
      at += 1
      if scalar == "\"" { return result }
      if scalar == "\\" { result += try escape("\"") } else { result += Self.bytes([scalar]) }
    }
    throw TemplateError("unterminated quoted string")
  }

  /// The value of a character constant.
  private mutating func character() throws(TemplateError) -> Int {
    at += 1
    guard at < scalars.count, scalars[at] != "'", scalars[at] != "\n" else {
      throw TemplateError("malformed character constant")
    }
    let scalar = scalars[at]
    at += 1
    let bytes = scalar == "\\" ? try escape("'") : Self.bytes([scalar])
    guard at < scalars.count, scalars[at] == "'" else { throw TemplateError("malformed character constant") }
    at += 1
    return bytes.count == 1 ? Int(bytes[0]) : Int(GoRunes.decode(bytes)[0].scalar.value)
  }

  /// What an escape stands for; `quote` is the one that may be escaped.
  private mutating func escape(_ quote: Unicode.Scalar) throws(TemplateError) -> [UInt8] {
    guard at < scalars.count else { throw TemplateError("unterminated quoted string") }
    let scalar = scalars[at]
    at += 1
    switch scalar {
    case quote, "\\": return [UInt8(scalar.value)]
    case "a": return [7]
    case "b": return [8]
    case "f": return [12]
    case "n": return [10]
    case "r": return [13]
    case "t": return [9]
    case "v": return [11]
    case "x": return [UInt8(try digits(2, radix: 16))]
    case "u", "U":
      let value = try digits(scalar == "u" ? 4 : 8, radix: 16)
      guard let made = Unicode.Scalar(value) else { break }
      return Self.bytes([made])
    case "0"..."7":
      at -= 1
      let value = try digits(3, radix: 8)
      guard value <= 0xFF else { break }
      return [UInt8(value)]
    default: break
    }
    throw TemplateError("invalid escape in a quoted string")
  }

  private mutating func digits(_ count: Int, radix: UInt32) throws(TemplateError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard at < scalars.count, let digit = Character(scalars[at]).hexDigitValue, scalars[at].isASCII, digit < radix,
        value < 1 << 28
      else { throw TemplateError("invalid escape in a quoted string") }
      value = value * radix + UInt32(digit)
      at += 1
    }
    return value
  }
}
