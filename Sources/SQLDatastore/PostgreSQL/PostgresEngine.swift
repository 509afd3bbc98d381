import DatastoreAPI
import Logging

/// PostgreSQL: one connection writes, so that what this server commits has an order; others read.
struct PostgresEngine: SQLEngine {
  /// Makes the passwords of `aws_postgres`; nil where the connection string holds it.
  var passwords: (any PasswordSource)?
  var timeouts = PostgresTimeouts()

  /// The most connections that read at the same time. What is read often is answered from memory.
  private static let readerLimit = 20

  func check(_ connectionString: String) throws(DatastoreError) {
    let dsn = try PostgresDSN(connectionString)
    guard passwords == nil || dsn.options["password"] == nil else {
      throw .sql(.invalidArgument, "unexpected password in connection string for IAM authentication")
    }
  }

  func pool(
    _ connectionString: String, _ role: SQLRole, _ setup: SQLPoolSetup
  ) throws(DatastoreError) -> SQLPool {
    let dsn = try PostgresDSN(connectionString)
    _ = try PostgresLibrary.shared()
    if !dsn.ignored.isEmpty {
      setup.logger.warning(
        "Options of connection_string have no effect", metadata: ["options": "\(dsn.ignored.joined(separator: ","))"])
    }
    let (passwords, timeouts, statementLogger) = (passwords, timeouts, setup.statementLogger)
    let connect = { @Sendable () throws(DatastoreError) -> any SQLConnection in
      let password = try passwords?.password(endpoint: dsn.endpoint, user: dsn.options["user"] ?? "")
      return try PostgresConnection(
        dsn, role: role, password: password, timeouts: timeouts, statementLogger: statementLogger)
    }
    return SQLPool(
      limits: setup.networkLimits(mostReaders: Self.readerLimit), time: setup.time, connectWriter: connect,
      connectReader: connect, prepare: SQLPool.preparing(passwords))
  }
}
