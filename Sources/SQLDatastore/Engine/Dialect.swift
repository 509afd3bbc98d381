import DatastoreAPI

/// Where the engines differ in what they are told. Statements are written once, in the words that all share.
protocol Dialect: Sendable {
  /// The `database_type` of the configuration, for the log.
  var name: String { get }
  /// Begins a transaction that writes; waits for its turn here, not at the first write.
  var beginWriting: String { get }
  /// Begins a transaction that reads one consistent state.
  var beginReading: String { get }
  /// Appended to a `SELECT` whose row is changed in the same transaction, so that no other server changes it meanwhile.
  var lockRow: String { get }

  /// The statements that make the current schema, in order.
  var createSchema: [String] { get }
  /// The statement that adds a column of a migration.
  func addColumn(_ column: SchemaColumn) -> String
  /// Whether the database has this table.
  func hasTable(_ name: String, in connection: any SQLConnection) throws(DatastoreError) -> Bool
}
