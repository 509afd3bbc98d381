/// Parses HCL 1 into a tree. After a mistake it goes on with the next line that can begin an item.
struct HCLParser {
  private var lexer: HCLLexer
  private var token: HCLToken
  var problems: HCLProblems { lexer.problems }

  /// The rest of the current item cannot be read.
  private struct Broken: Error {}

  init(_ bytes: [UInt8]) {
    lexer = HCLLexer(bytes)
    token = lexer.next()
  }

  mutating func parseFile() -> HCLObject {
    let start = token.position
    var items: [HCLItem] = []
    while token.kind != .end {
      if token.kind == .rightBrace {
        lexer.problems.add(token.position, "unexpected \"}\": no object is open here")
        advance()
        continue
      }
      appendItem(to: &items, depth: 1)
    }
    return HCLObject(items: items, at: start)
  }

  private mutating func advance() {
    token = lexer.next()
    if lexer.problems.stop { token.kind = .end }
  }

  /// Reads one item, or notes what is wrong and skips it.
  private mutating func appendItem(to items: inout [HCLItem], depth: Int) {
    let start = token.position
    do {
      items.append(try item(depth: depth))
      if token.kind == .comma { advance() }
    } catch {
      recover(from: start.line)
    }
  }

  private mutating func item(depth: Int) throws(Broken) -> HCLItem {
    lexer.problems.count(token.position)
    var keys: [HCLItem.Key] = []
    // A key that begins a line may be a label, or the next item behind one that was left unfinished.
    var nextLine: (lexer: HCLLexer, token: HCLToken, previous: HCLItem.Key)?
    while true {
      switch token.kind {
      case .identifier(let text), .string(let text):
        if nextLine == nil, token.isFirstOnLine, let previous = keys.last { nextLine = (lexer, token, previous) }
        keys.append(.init(text, at: token.position))
        advance()
      case .assign where keys.count == 1:
        advance()
        return HCLItem(keys: keys, value: try value(depth: depth))
      case .leftBrace where !keys.isEmpty:
        let position = token.position
        return HCLItem(keys: keys, value: HCLValue(.object(try object(depth: depth + 1)), at: position))
      default:
        if let nextLine {
          (lexer, token) = (nextLine.lexer, nextLine.token)
          throw note(
            "key \(HCLText.quote(nextLine.previous.text)) must be followed by \"=\" or \"{\"",
            at: nextLine.previous.position)
        }
        throw unexpected(after: keys)
      }
    }
  }

  private mutating func unexpected(after keys: [HCLItem.Key]) -> Broken {
    if token.kind == .invalid { return Broken() }
    guard let key = keys.last else { return note("expected a key, got \(token.name)") }
    if keys.count > 1 && token.kind == .assign {
      return note("labels must be followed by \"{\", got \"=\"")
    }
    return note("key \(HCLText.quote(key.text)) must be followed by \"=\" or \"{\", got \(token.name)")
  }

  private mutating func note(_ message: String, at position: HCLPosition? = nil) -> Broken {
    lexer.problems.add(position ?? token.position, message)
    return Broken()
  }

  private mutating func value(depth: Int) throws(Broken) -> HCLValue {
    let position = token.position
    lexer.problems.count(position)
    let kind: HCLValue.Kind
    switch token.kind {
    case .string(let text): kind = .string(text)
    case .number(let text): kind = .number(text)
    case .float(let text): kind = .float(text)
    case .bool(let value): kind = .bool(value)
    case .leftBrace: return HCLValue(.object(try object(depth: depth + 1)), at: position)
    case .leftBracket: return HCLValue(.list(try list(depth: depth + 1)), at: position)
    case .invalid: throw Broken()
    case .identifier(let text): throw note("expected a value, got \(text): text needs double quotes")
    default: throw note("expected a value, got \(token.name)")
    }
    advance()
    return HCLValue(kind, at: position)
  }

  private mutating func object(depth: Int) throws(Broken) -> HCLObject {
    let start = token.position
    lexer.problems.checkDepth(depth, start)
    advance()
    var items: [HCLItem] = []
    while token.kind != .rightBrace {
      if token.kind == .end {
        lexer.problems.add(token.position, "expected \"}\" to close the object that begins at \(start)")
        throw Broken()
      }
      appendItem(to: &items, depth: depth)
    }
    advance()
    return HCLObject(items: items, at: start)
  }

  private mutating func list(depth: Int) throws(Broken) -> [HCLValue] {
    let start = token.position
    lexer.problems.checkDepth(depth, start)
    advance()
    var values: [HCLValue] = []
    while token.kind != .rightBracket {
      if token.kind == .end {
        throw note("expected \"]\" to close the list that begins at \(start)")
      }
      values.append(try value(depth: depth))
      if token.kind == .comma {
        advance()
      } else if token.kind == .invalid {
        throw Broken()
      } else if token.kind != .rightBracket {
        throw note("expected \",\" or \"]\" in the list that begins at \(start), got \(token.name)")
      }
    }
    advance()
    return values
  }

  /// Skips the rest of a broken item: to the closing brace around it, or to a later line that begins with a key.
  private mutating func recover(from line: Int) {
    var depth = 0
    while token.kind != .end {
      switch token.kind {
      case .leftBrace, .leftBracket: depth += 1
      case .rightBrace:
        if depth == 0 { return }
        depth -= 1
      case .rightBracket: depth = max(0, depth - 1)
      case .identifier, .string:
        if depth == 0 && token.isFirstOnLine && token.position.line > line { return }
      default: break
      }
      advance()
    }
  }
}
