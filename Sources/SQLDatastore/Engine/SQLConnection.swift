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

  /// Runs a statement and returns how many rows it changed.
  @discardableResult
  func execute(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int
  /// Inserts a row into a table with an `id` column and returns the new ID.
  func insert(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int64
  /// Runs a query and calls `body` with each row.
  func query(
    _ sql: String, _ arguments: [SQLValue], _ body: (any SQLRow) throws(DatastoreError) -> Void
  ) throws(DatastoreError)
}
