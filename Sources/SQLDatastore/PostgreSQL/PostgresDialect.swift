import DatastoreAPI

/// PostgreSQL's words, from version 12 on.
struct PostgresDialect: Dialect {
  let name = "postgres"
  // On a replica this fails at once, before anything was read.
  let beginWriting = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
  let beginReading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
  let lockRow = " FOR UPDATE"
  // A savepoint costs messages, and more than 64 in a transaction slow down every other session.
  let savepointsAreCheap = false
  let commitChannel: String? = "swift_spire_commits"

  /// The number under which servers of this kind agree that one of them makes or changes the schema ("SPIRE").
  private static let schemaLock: Int64 = 0x53_50_49_52_45
  var beginMigration: [String] { [beginWriting, "SELECT pg_advisory_xact_lock(\(Self.schemaLock))"] }

  func reserveIDs(of table: String) -> String? {
    "SELECT nextval(s::regclass) FROM pg_get_serial_sequence('\(table)', 'id') s, generate_series(1, ?)"
  }

  var createSchema: [String] { PostgresSchema.statements }

  func addColumn(_ column: SchemaColumn) -> String {
    let type =
      switch column.type {
      case .text: "varchar(255)"
      case .bytes: "bytea"
      }
    return "ALTER TABLE \"\(column.table)\" ADD \"\(column.name)\" \(type)"
  }

  func hasTable(_ name: String, in connection: any SQLConnection) throws(DatastoreError) -> Bool {
    var isThere = false
    try connection.query(
      """
      SELECT 1 FROM information_schema.tables \
      WHERE table_schema = CURRENT_SCHEMA() AND table_name = ? AND table_type = 'BASE TABLE'
      """, [.text(name)]
    ) { (_: any SQLRow) throws(DatastoreError) in isThere = true }
    return isThere
  }
}
