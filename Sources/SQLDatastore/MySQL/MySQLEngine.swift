import Daemon
import DatastoreAPI
import Logging

/// MySQL and MariaDB: one connection writes, others read consistent states beside it.
struct MySQLEngine: SQLEngine {
  /// The most connections that read at the same time. What is read often is answered from memory.
  private static let readerLimit = 20

  /// For `aws_mysql`; nil where the connection string holds the password.
  var passwords: (any PasswordSource)?
  var tls = MySQLTLS()

  init(passwords: (any PasswordSource)?, tls: MySQLTLS) {
    self.passwords = passwords
    self.tls = tls
  }

  func check(_ connectionString: String) throws(DatastoreError) {
    let dsn = try MySQLDSN(connectionString)
    guard dsn.parsesTime else {
      throw .sql(.invalidArgument, "invalid mysql config: missing parseTime=true param in connection_string")
    }
    guard !dsn.database.isEmpty else { throw .sql(.invalidArgument, "connection_string names no database") }
    guard passwords == nil || dsn.password.isEmpty else {
      throw .sql(.invalidArgument, "unexpected password in connection string for IAM authentication")
    }
    try tls.validate()
  }

  func pool(
    _ connectionString: String, _ role: SQLRole, _ setup: SQLPoolSetup
  ) throws(DatastoreError) -> SQLPool {
    let limits = setup.networkLimits(mostReaders: Self.readerLimit)
    var options = MySQLOptions(dsn: try MySQLDSN(connectionString), tls: tls, passwords: passwords)
    options.setting = role == .primary ? "connection_string" : "ro_connection_string"
    options.statementLogger = setup.statementLogger
    if !options.dsn.ignored.isEmpty {
      setup.logger.warning(
        "Options of \(options.setting) have no effect",
        metadata: ["options": "\(options.dsn.ignored.joined(separator: ","))"])
    }
    let reading = options
    // A connection that also reads must show one state to all statements of a transaction.
    options.isWriterOnly = limits.readers > 0
    let writing = options
    return SQLPool(
      limits: limits, time: setup.time,
      connectWriter: { () throws(DatastoreError) in try MySQLConnection(writing) },
      connectReader: { () throws(DatastoreError) in try MySQLConnection(reading) },
      prepare: SQLPool.preparing(passwords))
  }
}

/// What a connection is made with.
struct MySQLOptions: Sendable {
  var dsn: MySQLDSN
  var tls: MySQLTLS
  var passwords: (any PasswordSource)?
  /// The setting that messages name.
  var setting = "connection_string"
  var statementLogger: Logger?
  /// Whether no transaction on it relies on reading one state.
  var isWriterOnly = false
}
