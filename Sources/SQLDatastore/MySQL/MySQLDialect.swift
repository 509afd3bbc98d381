import DatastoreAPI

/// The words of MySQL and MariaDB, in the version that both know.
struct MySQLDialect: Dialect {
  let name = "mysql"
  let beginWriting = "START TRANSACTION"
  let beginReading = "START TRANSACTION READ ONLY"
  let lockRow = " FOR UPDATE"
  let savepointsAreCheap = false
  let keepsFractionsOfSeconds = false

  // Statements that change the schema commit by themselves: a lock of its own keeps other servers out, and each
  // statement may run again after a server that ended halfway.
  let beginMigration = ["DO GET_LOCK(\(Self.lock), 50)"]
  let commitMigration = ["DO RELEASE_LOCK(\(Self.lock))"]
  let rollbackMigration = ["DO RELEASE_LOCK(\(Self.lock))"]
  /// Names of locks are those of the whole server, and 64 characters long at most.
  private static let lock = "LEFT(CONCAT('spire.schema.', DATABASE()), 64)"

  var createSchema: [String] { MySQLSchema.statements }

  func addColumn(_ column: SchemaColumn) -> String {
    let type =
      switch column.type {
      case .text: "varchar(255)"
      case .bytes: "longblob"
      }
    return "ALTER TABLE `\(column.table)` ADD `\(column.name)` \(type)"
  }

  /// A database whose tables were made while its version was not noted yet does not count: see ``MySQLSchema``.
  func hasTable(_ name: String, in connection: any SQLConnection) throws(DatastoreError) -> Bool {
    let tables = try names(of: [name, "migrations"], in: connection)
    guard tables.contains(name) else { return false }
    guard name == "bundles", tables.contains("migrations") else { return true }
    var hasVersion = false
    try connection.query("SELECT 1 FROM migrations LIMIT 1", []) { (_: any SQLRow) throws(DatastoreError) in
      hasVersion = true
    }
    return hasVersion
  }

  private func names(
    of tables: [String], in connection: any SQLConnection
  ) throws(DatastoreError) -> Set<String> {
    var found: Set<String> = []
    try connection.query(
      """
      SELECT table_name FROM information_schema.tables \
      WHERE table_schema = DATABASE() AND table_name IN \(SQLText.list(tables.count))
      """, tables.map { .text($0) }
    ) { (row: any SQLRow) throws(DatastoreError) in found.insert(row.text(0)) }
    return found
  }
}
