import DatastoreAPI
import Glibc

/// The `connection_string` of a PostgreSQL database, taken apart: a `postgres://` URL or `name=value` words.
///
/// SPIRE: read as the established server's driver reads it: without a host it is localhost, without a mode TLS is required
/// (and the certificate not verified, unless there is a root certificate), a name that says nothing to the client is a
/// setting of the server for the session. An error never holds a value of the text: it may be the password.
struct PostgresDSN: Equatable, Sendable {
  /// What the client library is told, by its names.
  private(set) var options: [String: String] = [:]
  /// Settings of the server for the session, in the order of the text.
  private(set) var settings: [(name: String, value: String)] = []
  /// Names without effect.
  private(set) var ignored: [String] = []

  static func == (a: PostgresDSN, b: PostgresDSN) -> Bool {
    a.options == b.options && a.ignored == b.ignored && a.settings.map(\.name) == b.settings.map(\.name)
      && a.settings.map(\.value) == b.settings.map(\.value)
  }

  init(_ text: String) throws(DatastoreError) {
    guard !text.utf8.contains(0) else { throw .sql(.invalidArgument, "invalid connection_string: it has a NUL") }
    let isURL = text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    for (name, value) in isURL ? try PostgresURL.parse(text) : try PostgresWords.parse(text) { try add(name, value) }
    if options["host"] == nil, options["hostaddr"] == nil, options["service"] == nil, Self.environment("PGHOST") == nil
    {
      options["host"] = "localhost"
    }
    if options["sslmode"] == nil, options["service"] == nil, Self.environment("PGSSLMODE") == nil {
      options["sslmode"] = "require"
    }
  }

  /// Where the database is, for messages: never with the password.
  var displayName: String {
    let host = options["host"] ?? options["hostaddr"] ?? Self.environment("PGHOST") ?? "localhost"
    let name = options["dbname"] ?? Self.environment("PGDATABASE") ?? options["user"]
    return "PostgreSQL at \"\(host)\" port \(port)" + (name.map { " (database \"\($0)\")" } ?? "")
  }

  /// The host and port for which a password is made.
  var endpoint: String {
    let host = options["host"] ?? options["hostaddr"] ?? "localhost"
    return "\(host.prefix { $0 != "," }):\(port.prefix { $0 != "," })"
  }

  /// Whether there are several hosts to choose from.
  var hasSeveralHosts: Bool { (options["host"] ?? options["hostaddr"] ?? "").contains(",") }

  private var port: String { options["port"] ?? Self.environment("PGPORT") ?? "5432" }

  private mutating func add(_ name: String, _ value: String) throws(DatastoreError) {
    switch name {
    case "binary_parameters", "disable_prepared_binary_result", "krbspn": ignored.append(name)
    case "sslinline" where value == "true":
      throw .sql(
        .invalidArgument,
        "invalid connection_string: sslinline is not supported; put the certificates into files and name those")
    case "sslinline": break
    case "sslmode":
      guard ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"].contains(value) else {
        throw .sql(
          .invalidArgument,
          "unsupported sslmode \"\(value)\"; only \"require\" (default), \"verify-full\", \"verify-ca\", and "
            + "\"disable\" supported")
      }
      options[name] = value
    case "connect_timeout":
      guard let seconds = Int32(value), seconds >= 0 else {
        throw .sql(.invalidArgument, "invalid connection_string: connect_timeout must be a number of seconds")
      }
      options[name] = value
    case _ where Self.clientOptions.contains(name): options[name] = value
    case _ where Self.isSettingName(name): settings.append((name, value))
    default: throw .sql(.invalidArgument, "invalid connection_string: it has a word that is no option's name")
    }
  }

  /// `options`, with the settings for the session as the server takes them.
  var serverOptions: String? {
    var words = options["options"].map { [$0] } ?? []
    for (name, value) in settings {
      let escaped = value.replacing("\\", with: "\\\\").replacing(" ", with: "\\ ")
      words.append("-c \(name)=\(escaped)")
    }
    return words.isEmpty ? nil : words.joined(separator: " ")
  }

  /// The value of a setting that the text gives for the session.
  func setting(_ name: String) -> String? { settings.last { $0.name.lowercased() == name }?.value }

  private static func isSettingName(_ name: String) -> Bool {
    name.utf8.first.map { !(0x30...0x39).contains($0) } ?? false
      && name.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
          true
        default: false
        }
      }
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
    return value
  }

  /// The names that libpq knows.
  private static let clientOptions: Set<String> = [
    "service", "user", "password", "passfile", "channel_binding", "connect_timeout", "dbname", "host", "hostaddr",
    "port", "client_encoding", "options", "application_name", "fallback_application_name", "keepalives",
    "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "sslmode", "sslcompression",
    "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "sslcertmode",
    "sslnegotiation", "requirepeer", "require_auth", "ssl_min_protocol_version", "ssl_max_protocol_version",
    "gssencmode", "krbsrvname", "gsslib", "gssdelegation", "target_session_attrs", "load_balance_hosts",
  ]
}
