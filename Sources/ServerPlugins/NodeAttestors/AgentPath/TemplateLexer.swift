/// Cuts a template into text and the words of its actions. Called by ``TemplateParser`` only.
struct TemplateLexer {
  enum Token: Hashable {
    /// `.A.B`
    case field([String])
    /// `.A.B` right behind a closing parenthesis
    case chained([String])
    /// `$name.A.B`
    case variable(String, [String])
    case word(String)
    case string(String)
    case integer(Int)
    case dot, pipe, open, close, declare
  }

  enum Piece: Hashable {
    case text(String)
    case action([Token])
  }

  /// The largest template. In bytes.
  static let maximumSize = 8192

  static func pieces(_ template: String) throws(TemplateError) -> [Piece] {
    guard template.utf8.count <= maximumSize else { throw TemplateError("longer than \(maximumSize) bytes") }
    var pieces: [Piece] = []
    var rest = template[...]
    var trims = false
    while let start = rest.firstRange(of: "{{") {
      var inside = rest[start.upperBound...]
      var text = rest[..<start.lowerBound]
      if trims { text = text.trimmed(front: true) }
      if inside.hasPrefix("-"), inside.dropFirst().first?.isWhitespace == true {
        inside = inside.dropFirst()
        text = text.trimmed(front: false)
      }
      if !text.isEmpty { pieces.append(.text(String(text))) }
      let head = inside.trimmed(front: true)
      if head.hasPrefix("/*") {
        guard let end = head.firstRange(of: "*/") else { throw TemplateError("unclosed comment") }
        let after = head[end.upperBound...].trimmed(front: true)
        trims = after.hasPrefix("-}}")
        guard trims || after.hasPrefix("}}") else { throw TemplateError("comment ends before closing delimiter") }
        rest = after.dropFirst(trims ? 3 : 2)
        continue
      }
      var tokens: [Token] = []
      (tokens, rest, trims) = try action(inside)
      pieces.append(.action(tokens))
    }
    let tail = trims ? rest.trimmed(front: true) : rest
    if !tail.isEmpty { pieces.append(.text(String(tail))) }
    return pieces
  }

  /// The words up to `}}`, what follows it, and whether that loses its leading white space.
  private static func action(_ text: Substring) throws(TemplateError) -> ([Token], Substring, Bool) {
    var tokens: [Token] = []
    var rest = text
    while let first = rest.first {
      if rest.hasPrefix("}}") { return (tokens, rest.dropFirst(2), false) }
      if first.isWhitespace {
        rest = rest.trimmed(front: true)
        if rest.hasPrefix("-}}") { return (tokens, rest.dropFirst(3), true) }
        continue
      }
      switch first {
      case "|": (tokens, rest) = (tokens + [.pipe], rest.dropFirst())
      case "(": (tokens, rest) = (tokens + [.open], rest.dropFirst())
      case ")": (tokens, rest) = (tokens + [.close], rest.dropFirst())
      case ":":
        guard rest.hasPrefix(":=") else { throw TemplateError("expected :=") }
        (tokens, rest) = (tokens + [.declare], rest.dropFirst(2))
      case "\"": tokens.append(.string(try quoted(&rest)))
      case "`":
        guard let end = rest.dropFirst().firstIndex(of: "`") else {
          throw TemplateError("unterminated raw quoted string")
        }
        tokens.append(.string(String(rest[rest.index(after: rest.startIndex)..<end])))
        rest = rest[rest.index(after: end)...]
      case ".":
        let isChained = tokens.last == .close && text[..<rest.startIndex].last == ")"
        let names = chain(&rest)
        if names.isEmpty { rest = rest.dropFirst() }
        tokens.append(names.isEmpty ? .dot : isChained ? .chained(names) : .field(names))
      case "$":
        let name = name(rest.dropFirst())
        rest = rest.dropFirst(1 + name.count)
        tokens.append(.variable(String(name), chain(&rest)))
      case "-", "+", "0"..."9":
        let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(String(first) + digits) else { throw TemplateError("bad number syntax") }
        tokens.append(.integer(number))
        rest = rest.dropFirst(1 + digits.count)
      default:
        let name = name(rest)
        guard !name.isEmpty else { throw TemplateError("unexpected \"\(first)\" in command") }
        tokens.append(.word(String(name)))
        rest = rest.dropFirst(name.count)
      }
    }
    throw TemplateError("unclosed action")
  }

  /// The names of `.A.B`; none, and nothing is taken, where no name follows a dot.
  private static func chain(_ rest: inout Substring) -> [String] {
    var names: [String] = []
    while rest.first == "." {
      let name = name(rest.dropFirst())
      guard !name.isEmpty else { break }
      names.append(String(name))
      rest = rest.dropFirst(1 + name.count)
    }
    return names
  }

  private static func name(_ text: Substring) -> Substring {
    text.prefix { $0 == "_" || $0.isLetter || $0.isNumber }
  }

  /// A string in double quotes with Go's escapes.
  private static func quoted(_ rest: inout Substring) throws(TemplateError) -> String {
    rest = rest.dropFirst()
    var result = ""
    while let character = rest.popFirst() {
      if character == "\"" { return result }
      guard character == "\\" else {
        if character.isNewline { break }
        result.append(character)
        continue
      }
      switch rest.popFirst() {
      case "n": result += "\n"
      case "t": result += "\t"
      case "r": result += "\r"
      case "\\": result += "\\"
      case "\"": result += "\""
      case "'": result += "'"
      default: throw TemplateError("invalid escape in a quoted string")
      }
    }
    throw TemplateError("unterminated quoted string")
  }
}

extension Substring {
  fileprivate func trimmed(front: Bool) -> Substring {
    if front { return drop(while: \.isWhitespace) }
    guard let last = lastIndex(where: { !$0.isWhitespace }) else { return prefix(0) }
    return self[...last]
  }
}
