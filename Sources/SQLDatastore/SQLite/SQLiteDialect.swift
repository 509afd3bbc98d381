import DatastoreAPI

/// SQLite's words.
struct SQLiteDialect: Dialect {
  let name = "sqlite3"
  let beginWriting = "BEGIN IMMEDIATE"
  let beginReading = "BEGIN"
  // One writer at a time: there is nobody to lock a row against.
  let lockRow = ""
  var createSchema: [String] { SQLiteSchema.statements }

  func addColumn(_ column: SchemaColumn) -> String {
    let type =
      switch column.type {
      case .text: "varchar(255)"
      case .bytes: "blob"
      }
    return "ALTER TABLE \"\(column.table)\" ADD \"\(column.name)\" \(type)"
  }

  // One writer at a time: IDs become visible in the order in which they were taken, and one that was undone is taken again.
  func eventWriters(in connection: any SQLConnection) throws(DatastoreError) -> [EventTable: Set<String>]? { [:] }

  func hasTable(_ name: String, in connection: any SQLConnection) throws(DatastoreError) -> Bool {
    var isThere = false
    try connection.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [.text(name)]) {
      (_: any SQLRow) throws(DatastoreError) in isThere = true
    }
    return isThere
  }
}
