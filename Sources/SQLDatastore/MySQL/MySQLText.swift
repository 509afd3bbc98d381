/// A statement in the words that all engines share, made exact for MySQL.
///
/// The columns of the schema have a collation to which `A` and `a`, `e` and `é`, `x` and `x ` are the same. An identity
/// must never match another one, so every comparison of such a column with an argument gets a second one of their bytes:
/// `spiffe_id = ?` becomes `(spiffe_id = ? AND CAST(spiffe_id AS BINARY) = CAST(? AS BINARY))`. The first one uses the
/// index, the second one decides. Made once per statement and connection by ``MySQLConnection``.
struct MySQLText: Equatable {
  /// What the server is sent.
  let text: String
  /// For each placeholder of ``text``, the argument that it takes.
  let arguments: [Int]

  init(_ sql: String) {
    let tokens = Self.tokens(sql)
    var pieces = tokens.map(String.init)
    var arguments: [Int] = []
    var next = 0
    /// Assignments are no comparisons.
    var isAssigning = false
    /// Rows that differ by these columns' bytes are different rows.
    var isDistinct = false
    var index = 0
    while index < tokens.count {
      let token = tokens[index]
      if token == "?" {
        arguments.append(next)
        next += 1
      }
      switch token.uppercased() {
      case "SET": isAssigning = true
      case "WHERE": isAssigning = false
      case "DISTINCT": isDistinct = true
      case "FROM": isDistinct = false
      default: if isDistinct, Self.isTextColumn(token) { pieces[index] = "CAST(\(token) AS BINARY)" }
      }
      guard !isAssigning, let comparison = Comparison(tokens, at: index) else {
        index += 1
        continue
      }
      let left = pieces[comparison.left].joined()
      let count = comparison.placeholders
      let value = Array(repeating: "CAST(? AS BINARY)", count: count).joined(separator: ", ")
      let right = comparison.isList ? "(\(value))" : value
      let added = "CAST(\(left) AS BINARY)\(comparison.operation)\(right)"
      if comparison.isNegative {
        // What differs in bytes differs, whatever the collation says.
        for piece in comparison.left { pieces[piece] = "" }
        for piece in index...comparison.last { pieces[piece] = "" }
        pieces[comparison.left.lowerBound] = added
      } else {
        pieces[comparison.left.lowerBound] = "(" + pieces[comparison.left.lowerBound]
        pieces[comparison.last] += " AND \(added))"
      }
      for _ in 0..<(comparison.isNegative ? 1 : 2) { arguments += next..<next + count }
      next += count
      index = comparison.last + 1
    }
    text = pieces.joined()
    self.arguments = arguments
  }

  /// Words, placeholders, literals, blanks and single other characters; together they are the text.
  private static func tokens(_ sql: String) -> [Substring] {
    var tokens: [Substring] = []
    var rest = Substring(sql)
    while let first = rest.first {
      var token: Substring
      if isWord(first) {
        token = rest.prefix(while: isWord)
      } else if first == " " {
        token = rest.prefix { $0 == " " }
      } else if first == "'" {
        let end = rest.dropFirst().firstIndex(of: "'") ?? rest.index(before: rest.endIndex)
        token = rest[...end]
      } else if first == "<" || first == ">" || first == "!" {
        token = rest.prefix { "<>!=".contains($0) }
      } else {
        token = rest.prefix(1)
      }
      tokens.append(token)
      rest = rest[token.endIndex...]
    }
    return tokens
  }

  /// Whether it names a column that holds texts, with or without its table.
  private static func isTextColumn(_ token: Substring) -> Bool {
    let name = token.lastIndex(of: ".").map { token[token.index(after: $0)...] } ?? token
    return MySQLSchema.textColumns.contains(String(name))
  }

  private static func isWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_" || character == "." || character == "`"
  }

  /// A comparison of a text column, or of a function of one, with arguments.
  private struct Comparison {
    var left: ClosedRange<Int>
    /// As written, with blanks.
    var operation: String
    var isNegative: Bool
    var isList: Bool
    var placeholders: Int
    /// Its last token.
    var last: Int

    /// The comparison whose operator, or the blank before it, is at `index`.
    init?(_ tokens: [Substring], at index: Int) {
      var at = index
      func skipBlank() { if at < tokens.count, tokens[at].first == " " { at += 1 } }
      guard index > 0 else { return nil }
      skipBlank()
      guard at < tokens.count else { return nil }
      var isNegative = false
      if tokens[at].uppercased() == "NOT" {
        isNegative = true
        at += 1
        skipBlank()
      }
      guard at < tokens.count else { return nil }
      let symbol = tokens[at].uppercased()
      switch symbol {
      case "=" where !isNegative, "IN": break
      case "<>", "!=":
        guard !isNegative else { return nil }
        isNegative = true
      default: return nil
      }
      at += 1
      skipBlank()
      guard let left = Self.operand(tokens, before: index) else { return nil }
      operation = tokens[index..<at].joined()
      self.left = left
      self.isNegative = isNegative
      isList = symbol == "IN"
      guard let (count, last) = Self.arguments(tokens, from: at, isList: isList) else { return nil }
      placeholders = count
      self.last = last
    }

    /// The operand that ends before `index`, if a text column is in it.
    private static func operand(_ tokens: [Substring], before index: Int) -> ClosedRange<Int>? {
      var start = index - 1
      if tokens[start] == ")" {
        var depth = 0
        repeat {
          if tokens[start] == ")" { depth += 1 }
          if tokens[start] == "(" { depth -= 1 }
          start -= 1
        } while depth > 0 && start >= 0
        guard depth == 0, start >= 0 else { return nil }
      }
      guard tokens[start].first.map(isWord) == true else { return nil }
      let range = start...(index - 1)
      let hasTextColumn = range.contains { isTextColumn(tokens[$0]) }
      let isQuery = range.contains { tokens[$0].uppercased() == "SELECT" || tokens[$0] == "?" }
      return hasTextColumn && !isQuery ? range : nil
    }

    /// How many placeholders follow, and the last token of them: `?` or `(?, ?)`.
    private static func arguments(_ tokens: [Substring], from start: Int, isList: Bool) -> (count: Int, last: Int)? {
      guard start < tokens.count else { return nil }
      guard isList else { return tokens[start] == "?" ? (1, start) : nil }
      guard tokens[start] == "(" else { return nil }
      var count = 0
      for index in (start + 1)..<tokens.count {
        switch tokens[index] {
        case "?": count += 1
        case ",": break
        case ")": return count > 0 ? (count, index) : nil
        default: guard tokens[index].first == " " else { return nil }
        }
      }
      return nil
    }
  }
}
