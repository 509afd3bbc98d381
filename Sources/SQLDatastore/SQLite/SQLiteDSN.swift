import DatastoreAPI

/// The `connection_string` of a SQLite database, taken apart: a file path or `file:` URI, with options after `?`.
///
/// SPIRE: foreign keys and WAL are always on, whatever the string says. Options that SQLite's URIs know are passed on;
/// those of the Go driver that matter here are read; others are named in ``ignored``.
struct SQLiteDSN: Equatable, Sendable {
  /// The file's path as given, or the name of a database in memory.
  var path: String
  var isInMemory = false
  /// Passed to SQLite in the URI, in order.
  var uriOptions: [Option] = []
  /// Milliseconds to wait for another process's lock.
  var busyTimeout: Int32 = 5000
  /// Run on each connection; values come from fixed lists or are numbers.
  var pragmas: [Option] = []
  /// Whether one connection has to do all the work.
  var needsSingleConnection = false
  /// Option names without effect.
  var ignored: [String] = []

  /// A name and a value.
  struct Option: Equatable, Sendable {
    var name: String
    var value: String
  }

  init(_ text: String) throws(DatastoreError) {
    guard !text.isEmpty else { throw .sql(.invalidArgument, "connection_string must be set") }
    if text == ":memory:" {
      path = ""
      isInMemory = true
      needsSingleConnection = true
      return
    }
    let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = try Self.path(parts[0])
    for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&") {
      let option = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.unescape)
      try add(option[0], option.count > 1 ? option[1] : "")
    }
    if path == ":memory:" || path.isEmpty { isInMemory = true }
    if isInMemory { needsSingleConnection = true }
  }

  /// The URI that SQLite opens.
  var uri: String {
    if path.isEmpty { return ":memory:" }
    let options = uriOptions.map { "\($0.name)=\(Self.escape($0.value))" }.joined(separator: "&")
    return "file:" + Self.escape(path) + (options.isEmpty ? "" : "?" + options)
  }

  /// How messages name the database.
  var displayName: String { isInMemory ? "in-memory database" : "database file \"\(path)\"" }

  private static func path(_ text: Substring) throws(DatastoreError) -> String {
    guard let colon = text.firstIndex(of: ":"), !text[..<colon].contains("/"), colon != text.startIndex else {
      return String(text)
    }
    let scheme = text[..<colon]
    guard scheme == "file" else { throw .sql(.invalidArgument, "unsupported scheme \"\(scheme)\"") }
    var rest = text[text.index(after: colon)...]
    if rest.hasPrefix("//") {
      rest = rest.dropFirst(2)
      let host = rest.prefix { $0 != "/" }
      guard host.isEmpty || host == "localhost" else {
        throw .sql(.invalidArgument, "invalid connection_string: \"\(host)\" is not this host in \"\(text)\"")
      }
      rest = rest.dropFirst(host.count)
    }
    return unescape(rest)
  }

  private mutating func add(_ name: String, _ value: String) throws(DatastoreError) {
    switch name {
    case "mode":
      isInMemory = isInMemory || value == "memory"
      uriOptions.append(Option(name: name, value: value))
    case "cache", "vfs", "psow", "nolock", "immutable":
      uriOptions.append(Option(name: name, value: value))
    case "_busy_timeout", "_timeout":
      guard let milliseconds = Int32(value), milliseconds >= 0 else { throw Self.invalid(name, value) }
      busyTimeout = milliseconds
    case "_synchronous", "_sync":
      try addPragma("synchronous", name, value, ["0", "OFF", "1", "NORMAL", "2", "FULL", "3", "EXTRA"])
    case "_locking_mode", "_locking":
      try addPragma("locking_mode", name, value, ["NORMAL", "EXCLUSIVE"])
      needsSingleConnection = value.uppercased() == "EXCLUSIVE"
    case "_secure_delete":
      try addPragma("secure_delete", name, value, ["0", "1", "ON", "OFF", "TRUE", "FALSE", "YES", "NO", "FAST"])
    case "_query_only":
      try addPragma("query_only", name, value, ["0", "1", "ON", "OFF", "TRUE", "FALSE", "YES", "NO"])
    case "_cache_size":
      guard let pages = Int32(value) else { throw Self.invalid(name, value) }
      pragmas.append(Option(name: "cache_size", value: String(pages)))
    case "_foreign_keys", "_fk", "_journal_mode", "_journal": break
    default: ignored.append(name)
    }
  }

  private mutating func addPragma(
    _ pragma: String, _ name: String, _ value: String, _ allowed: [String]
  ) throws(DatastoreError) {
    guard allowed.contains(value.uppercased()) else { throw Self.invalid(name, value) }
    pragmas.append(Option(name: pragma, value: value.uppercased()))
  }

  private static func invalid(_ name: String, _ value: String) -> DatastoreError {
    .sql(.invalidArgument, "invalid connection_string: option \(name) cannot be \"\(value)\"")
  }

  private static func unescape(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2, let value = UInt8(String(Substring(rest.prefix(2))), radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func escape(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "%"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "&"), 0...0x20, 0x7F:
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
