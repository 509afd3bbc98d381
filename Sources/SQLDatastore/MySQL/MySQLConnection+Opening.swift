import CMariaDB
import DatastoreAPI

extension MySQLConnection {
  /// Seconds to wait for the server's first answer, and for each read and write after it.
  private static let connectTimeout: UInt32 = 10
  private static let transferTimeout: UInt32 = 60

  /// Connects, authenticates and sets the session up. A failure leaves nothing open but the handle.
  func open() throws(DatastoreError) {
    let dsn = options.dsn
    set(MYSQL_SET_CHARSET_NAME, "utf8mb4")
    set(MYSQL_OPT_CONNECT_TIMEOUT, dsn.connectTimeout ?? Self.connectTimeout)
    set(MYSQL_OPT_READ_TIMEOUT, dsn.readTimeout ?? Self.transferTimeout)
    set(MYSQL_OPT_WRITE_TIMEOUT, dsn.writeTimeout ?? Self.transferTimeout)
    // A server must not be able to ask for this process's files.
    set(MYSQL_OPT_LOCAL_INFILE, UInt32(0))
    try setUpTLS()
    let password = try password()
    var methods = "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519"
    // IAM tokens are sent as they are, and good for whoever sees them.
    let isEncrypted = tlsMode == .verified || tlsMode == .unverified
    if dsn.allowsCleartextPasswords || options.passwords != nil && isEncrypted { methods += ",mysql_clear_password" }
    set(MARIADB_OPT_RESTRICTED_AUTH, methods)
    try connect(password: password)
    if tlsMode != .none, tlsMode != .preferred, library.call.mysql_get_ssl_cipher(handle) == nil {
      throw .sql(.unavailable, "\(dsn.displayName) does not use TLS, which \(options.setting) asks for")
    }
    for statement in sessionStatements() { try send(statement) }
  }

  private var tlsMode: MySQLDSN.TLSMode { options.tls.isSet ? .verified : options.dsn.tls }

  private func setUpTLS() throws(DatastoreError) {
    let mode = tlsMode
    guard mode != .none else { return }
    set(MYSQL_OPT_SSL_ENFORCE, flag: true)
    set(MYSQL_OPT_SSL_VERIFY_SERVER_CERT, flag: mode == .verified)
    if mode == .verified {
      guard let authorities = options.tls.rootCAPath ?? MySQLTLS.systemAuthorities else {
        throw .sql(.failedPrecondition, "this system has no file of certificate authorities; set root_ca_path")
      }
      set(MYSQL_OPT_SSL_CA, authorities)
    }
    if let certificate = options.tls.clientCertificatePath { set(MYSQL_OPT_SSL_CERT, certificate) }
    if let key = options.tls.clientKeyPath { set(MYSQL_OPT_SSL_KEY, key) }
  }

  private func password() throws(DatastoreError) -> String {
    guard let passwords = options.passwords else { return options.dsn.password }
    guard case .tcp(let host, let port) = options.dsn.address else {
      throw .sql(.invalidArgument, "IAM authentication needs a TCP address in \(options.setting)")
    }
    return try passwords.password(endpoint: "\(host):\(port)", user: options.dsn.user)
  }

  private func connect(password: String) throws(DatastoreError) {
    let (dsn, call) = (options.dsn, library.call)
    let database = dsn.database.isEmpty ? nil : dsn.database
    // Rows that an UPDATE found count, as everywhere else, also when they had the values before.
    let flags = UInt(CLIENT_FOUND_ROWS)
    let connected: UnsafeMutablePointer<MYSQL>?
    switch dsn.address {
    case .tcp(let host, let port):
      // Otherwise the library takes "localhost" for a socket.
      set(MYSQL_OPT_PROTOCOL, UInt32(MYSQL_PROTOCOL_TCP.rawValue))
      connected = call.mysql_real_connect(
        handle, host, dsn.user, password, database, UInt32(port), nil, flags)
    case .unix(let path):
      set(MYSQL_OPT_PROTOCOL, UInt32(MYSQL_PROTOCOL_SOCKET.rawValue))
      connected = call.mysql_real_connect(handle, nil, dsn.user, password, database, 0, path, flags)
    }
    guard connected != nil else { throw fault(call.mysql_errno(handle), call.mysql_error(handle)) }
  }

  /// What a new session is told.
  private func sessionStatements() -> [String] {
    // Strict: a text that does not fit is refused and never cut off.
    let strict = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"
    let variables = options.dsn.variables
    var settings = ["autocommit = 1", "sql_mode = '\(strict)'", "innodb_lock_wait_timeout = 10"]
    settings += variables.map { "\($0.name) = \($0.value)" }
    if variables.contains(where: { $0.name.lowercased() == "sql_mode" }) {
      settings.append("sql_mode = CONCAT(@@SESSION.sql_mode, ',\(strict)')")
    }
    // Without locks on gaps, writers of several servers are hardly in each other's way; readers need one state.
    let isolation = options.isWriterOnly ? "READ COMMITTED" : "REPEATABLE READ"
    var statements = settings.map { "SET \($0)" }
    statements[0] = "SET " + settings[0...2].joined(separator: ", ")
    statements.removeSubrange(1...2)
    return statements + ["SET SESSION TRANSACTION ISOLATION LEVEL \(isolation)"]
  }

  private func set(_ option: mysql_option, _ text: String) {
    _ = text.withCString { library.call.mysql_options(handle, option, $0) }
  }

  private func set(_ option: mysql_option, _ number: UInt32) {
    var number = number
    _ = library.call.mysql_options(handle, option, &number)
  }

  private func set(_ option: mysql_option, flag: Bool) {
    var flag: my_bool = flag ? 1 : 0
    _ = library.call.mysql_options(handle, option, &flag)
  }
}
