/// The smallest parts of HCL.
struct HCLToken {
  enum Kind: Equatable {
    case identifier(String)
    case string(String)
    case number(String)
    case float(String)
    case bool(Bool)
    case leftBrace, rightBrace, leftBracket, rightBracket, assign, comma
    case end
    /// Something that is no token; its problem has been noted.
    case invalid
  }

  var kind: Kind
  var position: HCLPosition
  /// Whether nothing but blanks stands before it on its line.
  var isFirstOnLine: Bool

  /// How a message calls the token.
  var name: String {
    switch kind {
    case .identifier(let text): "\"\(text)\""
    case .string: "a string"
    case .number(let text), .float(let text): text
    case .bool(let value): "\(value)"
    case .leftBrace: "\"{\""
    case .rightBrace: "\"}\""
    case .leftBracket: "\"[\""
    case .rightBracket: "\"]\""
    case .assign: "\"=\""
    case .comma: "\",\""
    case .end: "the end of the file"
    case .invalid: "an unreadable character"
    }
  }
}
