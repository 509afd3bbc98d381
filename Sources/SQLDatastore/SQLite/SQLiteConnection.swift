import CSQLite
import DatastoreAPI
import Logging

/// A connection to a SQLite database. Used by one ``SQLSession``, so that no lock of SQLite's own is needed.
final class SQLiteConnection: SQLConnection {
  let dialect: any Dialect = SQLiteDialect()
  private let handle: OpaquePointer
  private let database: String
  private let statementLogger: Logger?
  private var statements: [String: SQLiteStatement] = [:]

  /// The most prepared statements that are kept; the fixed ones are about a hundred, the rest are filters.
  private static let statementLimit = 200

  /// - Parameter statementLogger: Where each statement is logged (`log_sql`), without its arguments: they hold tokens.
  init(_ dsn: SQLiteDSN, isReader: Bool, statementLogger: Logger?) throws(DatastoreError) {
    database = dsn.displayName
    self.statementLogger = statementLogger
    var opened: OpaquePointer?
    var flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    if !isReader { flags |= SQLITE_OPEN_CREATE }
    let code = sqlite3_open_v2(dsn.uri, &opened, flags, nil)
    guard let opened, code == SQLITE_OK else {
      let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
      sqlite3_close_v2(opened)
      throw SQLiteFault.error(code: code, message: message, database: dsn.displayName)
    }
    handle = opened
    sqlite3_busy_timeout(handle, dsn.busyTimeout)
    try configure(dsn, isReader: isReader)
  }

  deinit {
    statements = [:]
    sqlite3_close_v2(handle)
  }

  private func configure(_ dsn: SQLiteDSN, isReader: Bool) throws(DatastoreError) {
    if !isReader { try execute("PRAGMA journal_mode = WAL", []) }
    // A commit is on disk before it is acknowledged.
    try execute("PRAGMA synchronous = FULL", [])
    try execute("PRAGMA foreign_keys = ON", [])
    if isReader { try execute("PRAGMA cache_size = -1024", []) }
    for pragma in dsn.pragmas { try execute("PRAGMA \(pragma.name) = \(pragma.value)", []) }
    if isReader { try execute("PRAGMA query_only = ON", []) }
  }

  var serverVersion: String { String(cString: sqlite3_libversion()) }

  var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  @discardableResult
  func execute(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int {
    try run(sql, arguments) { (_: SQLiteStatement) throws(DatastoreError) in }
    return Int(sqlite3_changes64(handle))
  }

  func insert(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int64 {
    try run(sql, arguments) { (_: SQLiteStatement) throws(DatastoreError) in }
    return sqlite3_last_insert_rowid(handle)
  }

  func query(
    _ sql: String, _ arguments: [SQLValue], _ body: (any SQLRow) throws(DatastoreError) -> Void
  ) throws(DatastoreError) {
    try run(sql, arguments) { (statement: SQLiteStatement) throws(DatastoreError) in try body(statement) }
  }

  private func run(
    _ sql: String, _ arguments: [SQLValue], _ body: (SQLiteStatement) throws(DatastoreError) -> Void
  ) throws(DatastoreError) {
    statementLogger?.debug("SQL statement", metadata: ["statement": "\(sql)"])
    let statement = try prepare(sql)
    defer { statement.reset() }
    let bound = statement.bind(arguments)
    guard bound == SQLITE_OK else { throw fault(bound) }
    while true {
      switch statement.step() {
      case SQLITE_ROW: try body(statement)
      case SQLITE_DONE: return
      case let code: throw fault(code)
      }
    }
  }

  /// A statement for this text that nobody uses: a nested use of the same text gets one of its own, which is not kept.
  private func prepare(_ sql: String) throws(DatastoreError) -> SQLiteStatement {
    let known = statements[sql]
    if let known, !known.isInUse {
      known.isInUse = true
      return known
    }
    if statements.count >= Self.statementLimit { statements = [:] }
    var prepared: OpaquePointer?
    let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
    guard let prepared, code == SQLITE_OK else { throw fault(code) }
    let statement = SQLiteStatement(handle: prepared)
    if known == nil { statements[sql] = statement }
    return statement
  }

  private func fault(_ code: Int32) -> DatastoreError {
    SQLiteFault.error(code: code, message: String(cString: sqlite3_errmsg(handle)), database: database)
  }
}
