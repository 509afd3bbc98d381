import DatastoreAPI
import Logging

/// SQLite: one connection writes, a few read.
struct SQLiteEngine: SQLEngine {
  /// The most connections that read at the same time from one database.
  private static let readerLimit = 4

  func check(_ connectionString: String) throws(DatastoreError) { _ = try SQLiteDSN(connectionString) }

  func pool(
    _ connectionString: String, _ role: SQLRole, _ setup: SQLPoolSetup
  ) throws(DatastoreError) -> SQLPool {
    let dsn = try SQLiteDSN(connectionString)
    let logger = setup.logger
    if !dsn.ignored.isEmpty {
      logger.warning(
        "Options of connection_string have no effect", metadata: ["options": "\(dsn.ignored.joined(separator: ","))"])
    }
    let statementLogger = setup.statementLogger
    return SQLPool(
      limits: limits(dsn, setup.configuration), time: setup.time,
      connectWriter: { () throws(DatastoreError) in
        try SQLiteFile.prepare(dsn, logger: logger)
        return try SQLiteConnection(dsn, isReader: false, statementLogger: statementLogger)
      },
      connectReader: { () throws(DatastoreError) in
        try SQLiteConnection(dsn, isReader: true, statementLogger: statementLogger)
      })
  }

  private func limits(_ dsn: SQLiteDSN, _ configuration: SQLDatastoreConfiguration) -> SQLPool.Limits {
    var limits = SQLPool.Limits(readers: 0)
    // Not for a database that lives and dies with its only connection. As in Go, 0 is no limit on open connections.
    guard !dsn.needsSingleConnection else { return limits }
    let most = configuration.maxOpenConnections > 0 ? configuration.maxOpenConnections - 1 : Self.readerLimit
    limits.readers = max(1, min(Self.readerLimit, most))
    limits.idleReaders = max(0, configuration.maxIdleConnections)
    limits.age = configuration.connectionMaxLifetime.flatMap { $0 > .zero ? $0 : nil }
    return limits
  }
}
