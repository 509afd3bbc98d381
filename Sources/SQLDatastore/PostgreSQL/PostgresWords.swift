import DatastoreAPI

/// Reads `name=value` words: blanks around `=` are allowed, a value may stand in single quotes, and a backslash takes the
/// next character as it is.
enum PostgresWords {
  static func parse(_ text: String) throws(DatastoreError) -> [(name: String, value: String)] {
    var rest = Substring(text)
    var words: [(String, String)] = []
    while true {
      rest = rest.drop(while: \.isWhitespace)
      if rest.isEmpty { return words }
      let name = rest.prefix { $0 != "=" && !$0.isWhitespace }
      rest = rest.dropFirst(name.count).drop(while: \.isWhitespace)
      guard !name.isEmpty, rest.first == "=" else {
        throw .sql(
          .invalidArgument,
          "invalid connection_string: expected name=value words or a postgres:// URL; a value with blanks needs "
            + "single quotes")
      }
      rest = rest.dropFirst().drop(while: \.isWhitespace)
      words.append((String(name), try value(&rest)))
    }
  }

  private static func value(_ rest: inout Substring) throws(DatastoreError) -> String {
    let isQuoted = rest.first == "'"
    if isQuoted { rest = rest.dropFirst() }
    var value = ""
    while let character = rest.first, isQuoted ? character != "'" : !character.isWhitespace {
      rest = rest.dropFirst()
      if character == "\\", let escaped = rest.popFirst() {
        value.append(escaped)
      } else if character != "\\" {
        value.append(character)
      }
    }
    guard isQuoted else { return value }
    guard rest.popFirst() == "'" else {
      throw .sql(.invalidArgument, "invalid connection_string: a quoted value does not end")
    }
    return value
  }
}
