import DatastoreAPI

/// Where the engines differ in what they are told. Statements are written once, in the words that all share: no
/// `RETURNING` (``SQLConnection/insert(_:_:)`` gives the new ID), no `INTERSECT`, `?` for arguments, ``SQLValue`` for
/// what an engine writes in its own form.
protocol Dialect: Sendable {
  /// The `database_type` of the configuration, for the log.
  var name: String { get }
  /// Begins a transaction that writes; waits for its turn here, not at the first write.
  var beginWriting: String { get }
  /// Begins a transaction that reads one consistent state.
  var beginReading: String { get }
  /// Appended to a `SELECT` whose row is changed in the same transaction, so that no other server changes it meanwhile.
  var lockRow: String { get }
  /// Whether each item of a batch gets a savepoint at once. Otherwise a batch runs without them, and again with them when
  /// an item fails after it has written: for engines where a savepoint costs round trips.
  var savepointsAreCheap: Bool { get }
  /// Whether columns of times hold more than whole seconds.
  var keepsFractionsOfSeconds: Bool { get }

  /// A query for so many (its argument) unused row IDs of a table, so that rows can be inserted without waiting for the ID
  /// of each; nil where an insert tells it at no cost, or where there is no such query.
  func reserveIDs(of table: String) -> String?

  /// Run before the schema is looked at to be made or changed, so that one server does it at a time.
  var beginMigration: [String] { get }
  /// Run when it is made or changed.
  var commitMigration: [String] { get }
  /// Run when that failed; a failure of these is of no interest.
  var rollbackMigration: [String] { get }

  /// The statements that make the current schema, in order.
  var createSchema: [String] { get }
  /// The statement that adds a column of a migration.
  func addColumn(_ column: SchemaColumn) -> String
  /// Whether the database has this table.
  func hasTable(_ name: String, in connection: any SQLConnection) throws(DatastoreError) -> Bool

  /// The transactions that may have taken an event ID and have not ended, by table; `nil` when the engine cannot tell.
  func eventWriters(in connection: any SQLConnection) throws(DatastoreError) -> [EventTable: Set<String>]?
  /// Where servers tell each other of their commits, with `NOTIFY`; `nil` when the engine has no such thing.
  var commitChannel: String? { get }
}

extension Dialect {
  var savepointsAreCheap: Bool { true }
  var keepsFractionsOfSeconds: Bool { true }
  func reserveIDs(of table: String) -> String? { nil }
  var beginMigration: [String] { [beginWriting] }
  var commitMigration: [String] { ["COMMIT"] }
  var rollbackMigration: [String] { ["ROLLBACK"] }
}
