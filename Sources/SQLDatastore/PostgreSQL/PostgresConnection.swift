import CPostgres
import DatastoreAPI
import Glibc
import Logging

/// A connection to a PostgreSQL database. Used by one ``SQLSession``, on its queue.
///
/// What is posted waits in ``waiting`` and travels with the next statement whose result is needed: one round trip, in
/// libpq's pipeline mode. Statements are prepared once and kept, the least used one giving way when there are too many.
final class PostgresConnection: SQLConnection {
  /// A statement that was posted, to be sent.
  struct Step {
    let statement: PostgresStatement
    let arguments: PostgresArguments
  }

  let dialect: any Dialect = PostgresDialect()
  let functions: cpostgres_functions
  let handle: OpaquePointer
  /// How messages name the database.
  let database: String
  /// How long the database may be silent while an answer is due.
  let patience: Duration
  var waiting: [Step] = []
  var listensOn: String?
  /// Whether the connection must not be used again, though it may be open.
  var isSpent = false

  private let statementLogger: Logger?
  private var statements: [String: PostgresStatement] = [:]
  private var statementsRun = 0
  private var statementsMade = 0

  /// The most prepared statements that are kept; the fixed ones are about a hundred, the rest are filters.
  private static let statementLimit = 200
  /// The most that is posted without being sent.
  private static let waitingLimit = 256

  /// - Parameters:
  ///   - password: takes the place of the one in `dsn`.
  ///   - statementLogger: Where each statement is logged (`log_sql`), without its arguments: they hold tokens.
  init(
    _ dsn: PostgresDSN, role: SQLRole, password: String? = nil, timeouts: PostgresTimeouts = PostgresTimeouts(),
    statementLogger: Logger? = nil
  ) throws(DatastoreError) {
    functions = try PostgresLibrary.shared().functions
    database = dsn.displayName
    self.statementLogger = statementLogger
    let limit = Self.statementTimeout(dsn, timeouts)
    patience = (limit ?? .seconds(600)) + timeouts.grace
    handle = try Self.connect(dsn, role, password, timeouts, functions)
    _ = functions.setNoticeProcessor(handle, cpostgres_drop_notice, nil)
    guard functions.setnonblocking(handle, 1) == 0, functions.enterPipelineMode(handle) == 1 else {
      throw PostgresFault.unreachable(errorText, database: database)
    }
    try configure(dsn, role, timeouts)
  }

  deinit { functions.finish(handle) }

  private func configure(
    _ dsn: PostgresDSN, _ role: SQLRole, _ timeouts: PostgresTimeouts
  ) throws(DatastoreError) {
    let (seconds, attoseconds) = timeouts.statement.components
    let limit = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    let settings = [
      ("statement_timeout", String(limit)),
      // A server that freezes within a transaction must not hold its locks for ever.
      ("idle_in_transaction_session_timeout", String(limit * 2)),
      // Statements are planned once and kept: a plan made while a table was small must not be one that reads all of it.
      ("enable_seqscan", "off"), ("jit", "off"),
    ].filter { dsn.setting($0.0) == nil }
    if !settings.isEmpty {
      try execute(
        "SELECT " + settings.map { "set_config('\($0.0)', '\($0.1)', false)" }.joined(separator: ", "), [])
    }
    guard role == .primary, try isReplica() else { return }
    throw .sql(.unavailable, "\(database) is a read-only replica; connection_string must name the primary")
  }

  private func isReplica() throws(DatastoreError) -> Bool {
    // Known without asking since PostgreSQL 14.
    if let status = parameter("in_hot_standby") { return status == "on" }
    var isReplica = false
    try query("SELECT pg_is_in_recovery()", []) { (row: any SQLRow) throws(DatastoreError) in isReplica = row.bool(0) }
    return isReplica
  }

  var serverVersion: String { parameter("server_version") ?? "" }

  private func parameter(_ name: String) -> String? {
    functions.parameterStatus(handle, name).map { String(cString: $0) }
  }

  var isInTransaction: Bool {
    let status = functions.transactionStatus(handle)
    return !waiting.isEmpty || status == PQTRANS_INTRANS || status == PQTRANS_INERROR
  }

  var isAborted: Bool { functions.transactionStatus(handle) == PQTRANS_INERROR }

  var isUsable: Bool {
    if isSpent { return false }
    // What came while nobody asked is the news that the server ends the connection, or that it has.
    var rounds = 0
    while hasInput(), rounds < 16 {
      guard functions.consumeInput(handle) == 1 else { return false }
      _ = functions.isBusy(handle)
      rounds += 1
    }
    return functions.status(handle) == CONNECTION_OK
  }

  @discardableResult
  func execute(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int {
    if sql == "ROLLBACK" { return try rollBack() }
    let result = try run(sql, arguments)
    if sql == "COMMIT", result.command == "ROLLBACK" {
      // The answer to the commit of a transaction in which a statement failed.
      throw .sql(
        .internal, "\(database) undid a transaction of which a statement had failed",
        cause: PostgresFault(state: "25P02", message: "transaction was undone", recovery: .none, isUndone: true))
    }
    return result.changes
  }

  func post(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) {
    try enqueue(sql, arguments)
    if waiting.count >= Self.waitingLimit { try settle() }
  }

  func settle() throws(DatastoreError) {
    guard !waiting.isEmpty else { return }
    _ = try flush()
  }

  func insert(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int64 {
    try run(sql + " RETURNING id", arguments).integer(0)
  }

  func query(
    _ sql: String, _ arguments: [SQLValue], _ body: (any SQLRow) throws(DatastoreError) -> Void
  ) throws(DatastoreError) {
    let result = try run(sql, arguments)
    for row in 0..<result.rowCount {
      result.row = row
      try body(result)
    }
  }

  private func rollBack() throws(DatastoreError) -> Int {
    // What was not sent does not have to be undone.
    waiting = []
    let status = functions.transactionStatus(handle)
    guard status != PQTRANS_IDLE else { return 0 }
    return try run("ROLLBACK", []).changes
  }

  private func run(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> PostgresResult {
    try enqueue(sql, arguments)
    guard let result = try flush() else { throw PostgresFault.lost("no result", database: database) }
    return result
  }

  private func enqueue(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) {
    statementLogger?.debug("SQL statement", metadata: ["statement": "\(sql)"])
    statementsRun += 1
    let statement = statement(sql, arguments)
    statement.lastUse = statementsRun
    waiting.append(Step(statement: statement, arguments: PostgresArguments(arguments)))
  }

  private func statement(_ sql: String, _ arguments: [SQLValue]) -> PostgresStatement {
    if let known = statements[sql] { return known }
    if statements.count >= Self.statementLimit, let oldest = statements.min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      statements[oldest.key] = nil
      if oldest.value.isPrepared {
        let text = "DEALLOCATE \(oldest.value.name)"
        // Under no name: it is not kept itself.
        waiting.append(
          Step(statement: PostgresStatement(name: "", sql: text, types: []), arguments: PostgresArguments([])))
      }
    }
    statementsMade += 1
    let made = PostgresStatement(
      name: "s\(statementsMade)", sql: sql, types: PostgresArguments.types(arguments))
    statements[sql] = made
    return made
  }

  private static func statementTimeout(_ dsn: PostgresDSN, _ timeouts: PostgresTimeouts) -> Duration? {
    guard let text = dsn.setting("statement_timeout") else { return timeouts.statement }
    // Milliseconds without a unit; what has one is for the server to read.
    guard let milliseconds = Int(text) else { return nil }
    return milliseconds > 0 ? .milliseconds(milliseconds) : nil
  }
}
