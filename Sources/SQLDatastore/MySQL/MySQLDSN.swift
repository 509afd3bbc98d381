import DatastoreAPI

/// The `connection_string` of a MySQL database, taken apart:
/// `[user[:password]@][protocol[(address)]]/database[?option=value&…]`.
///
/// The grammar, the options and the texts of refusals are those of the Go driver that the established server uses.
/// Options that mean nothing here are named in ``ignored``. Never printed: it holds the password.
struct MySQLDSN: Equatable, Sendable {
  /// Where the server is.
  enum Address: Equatable, Sendable {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
  }

  /// Whether and how the connection is encrypted (`tls`).
  enum TLSMode: Equatable, Sendable {
    case none
    /// If the server can; its certificate is not verified.
    case preferred
    /// Always; its certificate is not verified.
    case unverified
    case verified
  }

  var user = ""
  var password = ""
  var address = Address.tcp(host: "127.0.0.1", port: 3306)
  /// Empty for none.
  var database = ""
  var tls = TLSMode.none
  /// `parseTime`
  var parsesTime = false
  /// `allowCleartextPasswords`
  var allowsCleartextPasswords = false
  /// `timeout`, `readTimeout`, `writeTimeout` in seconds, rounded up; nil for the default.
  var connectTimeout: UInt32?
  var readTimeout: UInt32?
  var writeTimeout: UInt32?
  /// Set on each connection, in order; the values are SQL as the administrator wrote it.
  var variables: [Option] = []
  /// Option names without effect.
  var ignored: [String] = []

  /// A name and a value.
  struct Option: Equatable, Sendable {
    var name: String
    var value: String
  }

  /// How messages name the database.
  var displayName: String {
    switch address {
    case .tcp(let host, let port):
      "MySQL database \"\(database)\" at \(host.contains(":") ? "[\(host)]" : host):\(port)"
    case .unix(let path): "MySQL database \"\(database)\" at \(path)"
    }
  }

  init(_ text: String) throws(DatastoreError) {
    let bytes = Array(text.utf8)
    guard !bytes.contains(0) else { throw Self.invalid("it has a byte 0") }
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else {
      if bytes.isEmpty { return }
      throw Self.invalid("missing the slash separating the database name")
    }
    try readServer(bytes[..<slash])
    var rest = bytes[(slash + 1)...]
    if let question = rest.firstIndex(of: UInt8(ascii: "?")) {
      try readOptions(rest[(question + 1)...])
      rest = rest[..<question]
    }
    guard let name = Self.unescape(rest, plusIsBlank: false) else {
      throw Self.invalid("invalid dbname: a % must be followed by two hexadecimal digits")
    }
    database = name
  }

  static func invalid(_ text: String) -> DatastoreError {
    .sql(.invalidArgument, "invalid mysql config: invalid DSN: \(text)")
  }
}

// MARK: Parsing

extension MySQLDSN {
  /// Reads what stands before the slash.
  private mutating func readServer(_ bytes: ArraySlice<UInt8>) throws(DatastoreError) {
    var rest = bytes
    if let at = rest.lastIndex(of: UInt8(ascii: "@")) {
      let credentials = rest[..<at]
      let colon = credentials.firstIndex(of: UInt8(ascii: ":"))
      user = String(decoding: credentials[..<(colon ?? at)], as: UTF8.self)
      if let colon { password = String(decoding: credentials[(colon + 1)...], as: UTF8.self) }
      rest = rest[(at + 1)...]
    }
    var place = ""
    if let open = rest.firstIndex(of: UInt8(ascii: "(")) {
      guard rest.last == UInt8(ascii: ")") else {
        throw Self.invalid(
          rest[open...].contains(UInt8(ascii: ")"))
            ? "did you forget to escape a param value?" : "network address not terminated (missing closing brace)")
      }
      place = String(decoding: rest[(open + 1)..<(rest.endIndex - 1)], as: UTF8.self)
      rest = rest[..<open]
    }
    switch String(decoding: rest, as: UTF8.self) {
    case "", "tcp": address = try Self.tcp(place)
    case "unix": address = .unix(path: place.isEmpty ? "/tmp/mysql.sock" : place)
    case let network: throw Self.invalid("network \"\(network)\" is neither tcp nor unix")
    }
  }

  private static func tcp(_ text: String) throws(DatastoreError) -> Address {
    if text.isEmpty { return .tcp(host: "127.0.0.1", port: 3306) }
    var host = Substring(text)
    var port = Substring("3306")
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { throw invalid("missing ']' in address") }
      host = text[text.index(after: text.startIndex)..<end]
      let rest = text[text.index(after: end)...]
      if !rest.isEmpty {
        guard rest.first == ":" else { throw invalid("the address has more than a port after ']'") }
        port = rest.dropFirst()
      }
    } else if let colon = text.lastIndex(of: ":") {
      host = text[..<colon]
      port = text[text.index(after: colon)...]
      guard !host.contains(":") else { throw invalid("too many colons in address; write an IPv6 address in []") }
    }
    guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(port) else {
      throw invalid("the port of the address is not a number")
    }
    return .tcp(host: host.isEmpty ? "127.0.0.1" : String(host), port: number)
  }

  private mutating func readOptions(_ bytes: ArraySlice<UInt8>) throws(DatastoreError) {
    for pair in bytes.split(separator: UInt8(ascii: "&")) {
      guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let name = String(decoding: pair[..<equals], as: UTF8.self)
      let value = pair[(equals + 1)...]
      guard let unescaped = Self.unescape(value, plusIsBlank: true) else {
        throw Self.invalid("invalid value of option \(name): a % must be followed by two hexadecimal digits")
      }
      try set(name, unescaped)
    }
  }

  /// `nil` for a broken escape. As in Go, a plus sign is a blank in options but not in names.
  private static func unescape(_ bytes: ArraySlice<UInt8>, plusIsBlank: Bool) -> String? {
    var result: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%") {
        let digits = rest.prefix(2)
        guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
          let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16), value != 0
        else { return nil }
        result.append(value)
        rest = rest.dropFirst(2)
      } else {
        result.append(plusIsBlank && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
