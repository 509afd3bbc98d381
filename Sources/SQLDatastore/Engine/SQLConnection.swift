import DatastoreAPI

/// One connection to a database: blocking calls, used by one ``SQLSession`` on a queue of its own.
///
/// Statements use `?` for arguments, are prepared once per connection and text, and are kept for the next use.
protocol SQLConnection: AnyObject {
  var dialect: any Dialect { get }
  /// The engine's version, for the log.
  var serverVersion: String { get }
  /// Whether a transaction is open. An engine may have ended it after a fault.
  var isInTransaction: Bool { get }
  /// Whether the open transaction takes no more statements because one of them failed.
  var isAborted: Bool { get }
  /// Whether it can still be used, as far as can be told without asking the database. When not, another is made.
  var isUsable: Bool { get }

  /// Runs a statement and returns how many rows it changed.
  @discardableResult
  func execute(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int
  /// Runs a statement of which nobody needs to know a result at once. An engine may send it together with the next one:
  /// then its fault is reported by that, or by ``settle()``.
  func post(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError)
  /// Reports the faults of all that was posted.
  func settle() throws(DatastoreError)
  /// Inserts a row into a table with an `id` column and returns the new ID.
  func insert(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int64
  /// Runs a query and calls `body` with each row. `body` may run other statements.
  func query(
    _ sql: String, _ arguments: [SQLValue], _ body: (any SQLRow) throws(DatastoreError) -> Void
  ) throws(DatastoreError)

  /// The channel on which this connection has been made to listen.
  var listensOn: String? { get set }
  /// What others have sent on it: what is there, or what comes within `limit`.
  func notifications(waiting limit: Duration) throws(DatastoreError) -> [(channel: String, payload: String)]
}

/// What holds for an engine that runs each statement at once and in this process.
extension SQLConnection {
  var isAborted: Bool { false }
  var isUsable: Bool { true }
  func post(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) { try execute(sql, arguments) }
  func settle() throws(DatastoreError) {}
  var listensOn: String? {
    get { nil }
    set {}
  }
  func notifications(waiting limit: Duration) throws(DatastoreError) -> [(channel: String, payload: String)] { [] }
}
