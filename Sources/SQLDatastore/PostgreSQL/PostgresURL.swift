import DatastoreAPI

/// Reads `postgres://user:password@host:port,host:port/database?name=value&…`.
enum PostgresURL {
  static func parse(_ text: String) throws(DatastoreError) -> [(name: String, value: String)] {
    var words: [(String, String)] = []
    var rest = text[...]
    if let scheme = rest.firstIndex(of: ":") { rest = rest[rest.index(scheme, offsetBy: 3)...] }
    let query = split(&rest, at: "?")
    let path = split(&rest, at: "/")
    if let at = rest.lastIndex(of: "@") {
      let user = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      words.append(("user", try decode(user[0])))
      if user.count > 1 { words.append(("password", try decode(user[1]))) }
      rest = rest[rest.index(after: at)...]
    }
    words += try hosts(rest)
    if let path, !path.isEmpty { words.append(("dbname", try decode(path))) }
    for pair in (query ?? "").split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      // SPIRE: a plus sign is a blank here.
      let value = parts.count > 1 ? String(parts[1]).replacing("+", with: " ") : ""
      words.append((try decode(parts[0]), try decode(value[...])))
    }
    return words.filter { !$0.0.isEmpty }
  }

  /// Cuts `text` at the first `separator` and returns what comes after it.
  private static func split(_ text: inout Substring, at separator: Character) -> Substring? {
    guard let index = text.firstIndex(of: separator) else { return nil }
    defer { text = text[..<index] }
    return text[text.index(after: index)...]
  }

  private static func hosts(_ text: Substring) throws(DatastoreError) -> [(String, String)] {
    if text.isEmpty { return [] }
    var (hosts, ports): ([String], [String]) = ([], [])
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      var (host, port) = (part, Substring())
      if part.first == "[" {
        guard let end = part.firstIndex(of: "]") else { throw invalid("a \"[\" without a \"]\"") }
        host = part[part.index(after: part.startIndex)..<end]
        port = part[part.index(after: end)...]
        guard port.isEmpty || port.first == ":" else { throw invalid("something behind a \"]\"") }
        port = port.dropFirst()
      } else if let colon = part.lastIndex(of: ":") {
        (host, port) = (part[..<colon], part[part.index(after: colon)...])
      }
      guard port.isEmpty || UInt16(port) != nil else {
        throw invalid("a port that is no number; write special characters of the password as %XX")
      }
      hosts.append(try decode(host))
      ports.append(String(port))
    }
    var words: [(String, String)] = []
    if hosts.contains(where: { !$0.isEmpty }) { words.append(("host", hosts.joined(separator: ","))) }
    if ports.contains(where: { !$0.isEmpty }) {
      words.append(("port", ports.map { $0.isEmpty ? "5432" : $0 }.joined(separator: ",")))
    }
    return words
  }

  private static func decode(_ text: Substring) throws(DatastoreError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = UInt8(String(Substring(rest.prefix(2))), radix: 16), value != 0 else {
        throw invalid("a % that two hexadecimal digits do not follow")
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func invalid(_ what: String) -> DatastoreError {
    .sql(.invalidArgument, "invalid connection_string: the URL has \(what)")
  }
}
