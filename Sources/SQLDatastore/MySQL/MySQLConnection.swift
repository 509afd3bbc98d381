import CMariaDB
import DatastoreAPI
import Logging

/// A connection to a MySQL or MariaDB server. Used by one ``SQLSession``, on its queue only.
final class MySQLConnection: SQLConnection {
  let dialect: any Dialect = MySQLDialect()
  let library: MariaDBLibrary
  let handle: UnsafeMutablePointer<MYSQL>
  let options: MySQLOptions
  private var statements: [String: MySQLStatement] = [:]
  private let parameters = MySQLParameters()
  /// Whether the server has ended the transaction, which its last answer did not say.
  private var hasLostTransaction = false
  private(set) var isUsable = true

  /// The most prepared statements that are kept. The server has 16,382 by default for all connections.
  private static let statementLimit = 120

  init(_ options: MySQLOptions) throws(DatastoreError) {
    self.options = options
    library = try MariaDBLibrary.shared()
    guard let handle = library.call.mysql_init(nil) else { throw .sql(.unavailable, "out of memory") }
    self.handle = handle
    try open()
  }

  deinit {
    statements = [:]
    library.call.mysql_close(handle)
  }

  var serverVersion: String { library.call.mysql_get_server_info(handle).map { String(cString: $0) } ?? "" }

  var isInTransaction: Bool {
    isUsable && !hasLostTransaction && handle.pointee.server_status & UInt32(SERVER_STATUS_IN_TRANS) != 0
  }

  @discardableResult
  func execute(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int {
    if arguments.isEmpty { return try send(sql) }
    return try run(sql, arguments) { (statement: MySQLStatement) throws(DatastoreError) in
      Int(clamping: library.call.mysql_stmt_affected_rows(statement.handle))
    }
  }

  func insert(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int64 {
    try run(sql, arguments) { (statement: MySQLStatement) throws(DatastoreError) in
      Int64(clamping: library.call.mysql_stmt_insert_id(statement.handle))
    }
  }

  func query(
    _ sql: String, _ arguments: [SQLValue], _ body: (any SQLRow) throws(DatastoreError) -> Void
  ) throws(DatastoreError) {
    try run(sql, arguments) { (statement: MySQLStatement) throws(DatastoreError) in
      while try statement.fetch() { try body(statement) }
    }
  }

  /// Sends a statement without arguments as text; some of them cannot be prepared, and none is worth it.
  @discardableResult
  func send(_ sql: String) throws(DatastoreError) -> Int {
    log(sql)
    hasLostTransaction = false
    let call = library.call
    guard call.mysql_real_query(handle, sql, UInt(sql.utf8.count)) == 0 else {
      let number = call.mysql_errno(handle)
      // A server that ended after it added a column, and before it noted the new version, left the column.
      if number == 1060, sql.hasPrefix("ALTER TABLE") { return 0 }
      throw fault(number, call.mysql_error(handle))
    }
    if call.mysql_field_count(handle) > 0 { call.mysql_free_result(call.mysql_store_result(handle)) }
    return Int(clamping: call.mysql_affected_rows(handle))
  }

  private func run<T>(
    _ sql: String, _ arguments: [SQLValue], _ body: (MySQLStatement) throws(DatastoreError) -> T
  ) throws(DatastoreError) -> T {
    log(sql)
    hasLostTransaction = false
    let statement = try execute(sql, arguments, isSecondTry: false)
    defer { statement.reset() }
    return try body(statement)
  }

  private func execute(
    _ sql: String, _ arguments: [SQLValue], isSecondTry: Bool
  ) throws(DatastoreError) -> MySQLStatement {
    var statement: MySQLStatement?
    do throws(MySQLStatement.Failure) {
      let prepared = try prepare(sql)
      statement = prepared
      try prepared.execute(parameters, arguments)
      return prepared
    } catch {
      statement?.reset()
      // The server has too many prepared statements, has forgotten this one, or wants it prepared again.
      guard [1461, 1243, 1615].contains(error.number), !isSecondTry else { throw fault(error.number, error.message) }
      statements = [:]
      return try execute(sql, arguments, isSecondTry: true)
    }
  }

  /// A statement for this text that nobody uses: a nested use of the same text gets one of its own, which is not kept.
  private func prepare(_ sql: String) throws(MySQLStatement.Failure) -> MySQLStatement {
    let known = statements[sql]
    if let known, !known.isInUse {
      known.isInUse = true
      return known
    }
    if statements.count >= Self.statementLimit { statements = [:] }
    let statement = try MySQLStatement(MySQLText(sql), on: self)
    if known == nil { statements[sql] = statement }
    return statement
  }

  private func log(_ sql: String) {
    options.statementLogger?.debug("SQL statement", metadata: ["statement": "\(sql)"])
  }

  func fault(_ number: UInt32, _ message: UnsafePointer<CChar>?) -> DatastoreError {
    fault(number, message.map { String(cString: $0) } ?? "")
  }

  /// Notes what the error means for the connection.
  func fault(_ number: UInt32, _ message: String) -> DatastoreError {
    if MySQLFault.endsTransaction(number) { hasLostTransaction = true }
    if MySQLFault.isLost(number) { isUsable = false }
    return MySQLFault.error(
      number: number, message: message, place: options.dsn.displayName, setting: options.setting)
  }
}
