import CSQLite
package import DatastoreAPI
import Glibc

/// Copies a SQLite datastore while servers use it. The commands `backup` and `restore` call it; it blocks its thread.
package enum SQLiteCopy {
  /// The database file that a connection string names, or nil for a database in memory.
  package static func path(of connectionString: String) throws(DatastoreError) -> String? {
    let dsn = try SQLiteDSN(connectionString)
    return dsn.isInMemory ? nil : dsn.path
  }

  /// Writes the state of one moment into `destination`, an empty file. Writers and readers of the source are not held up.
  package static func make(of connectionString: String, to destination: String) throws(DatastoreError) {
    let dsn = try SQLiteDSN(connectionString)
    let source = try open(dsn.uri, SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI, dsn.displayName)
    defer { sqlite3_close_v2(source) }
    sqlite3_busy_timeout(source, max(dsn.busyTimeout, 5000))
    let target = try open(destination, SQLITE_OPEN_READWRITE, "file \"\(destination)\"")
    do throws(DatastoreError) {
      try copy(source, dsn.displayName, target, "file \"\(destination)\"")
    } catch {
      sqlite3_close_v2(target)
      throw error
    }
    sqlite3_close_v2(target)
  }

  /// Empties the table of join tokens in a database file that nobody else has open; returns how many there were.
  package static func removeJoinTokens(_ path: String) throws(DatastoreError) -> Int {
    let connection = try SQLiteConnection(dsn(path), isReader: false, statementLogger: nil)
    let count = try connection.execute("DELETE FROM join_tokens", [])
    // The file is to stand alone.
    try connection.query("PRAGMA wal_checkpoint(TRUNCATE)", []) { (_: any SQLRow) throws(DatastoreError) in }
    return count
  }

  /// Puts the agents of another database, with their bans and selectors, in the place of those in a file that nobody else
  /// has open. Both have the same schema version. Returns how many there are.
  package static func replaceAgents(in path: String, by source: String) throws(DatastoreError) -> Int {
    let connection = try SQLiteConnection(dsn(path), isReader: false, statementLogger: nil)
    try connection.execute("ATTACH DATABASE ? AS present", [.text(SQLiteDSN(source).uri)])
    // Deferred: the other database is read only.
    try connection.execute("BEGIN", [])
    var count = 0
    for table in ["node_resolver_map_entries", "attested_node_entries"] {
      var columns: [String] = []
      try connection.query("SELECT name FROM pragma_table_info(?)", [.text(table)]) {
        (row: any SQLRow) throws(DatastoreError) in columns.append(row.text(0))
      }
      let names = columns.joined(separator: ", ")
      try connection.execute("DELETE FROM main.\(table)", [])
      count = try connection.execute(
        "INSERT INTO main.\(table) (\(names)) SELECT \(names) FROM present.\(table)", [])
    }
    try connection.execute("COMMIT", [])
    try connection.query("PRAGMA main.wal_checkpoint(TRUNCATE)", []) { (_: any SQLRow) throws(DatastoreError) in }
    return count
  }

  /// How to open just this file, whatever is in its name.
  static func dsn(_ path: String, options: [SQLiteDSN.Option] = []) throws(DatastoreError) -> SQLiteDSN {
    var dsn = try SQLiteDSN("x")
    dsn.path = path
    dsn.uriOptions = options
    return dsn
  }

  private static func open(_ name: String, _ flags: Int32, _ database: String) throws(DatastoreError) -> OpaquePointer {
    var handle: OpaquePointer?
    let code = sqlite3_open_v2(name, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard let handle, code == SQLITE_OK else {
      let message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
      sqlite3_close_v2(handle)
      throw SQLiteFault.error(code: code, message: message, database: database)
    }
    return handle
  }

  private static func copy(
    _ source: OpaquePointer, _ sourceName: String, _ target: OpaquePointer, _ targetName: String
  ) throws(DatastoreError) {
    // The caller's file is thrown away when this fails, and synced when it does not.
    sqlite3_exec(target, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", nil, nil, nil)
    guard let backup = sqlite3_backup_init(target, "main", source, "main") else {
      throw SQLiteFault.error(
        code: sqlite3_errcode(target), message: String(cString: sqlite3_errmsg(target)), database: targetName)
    }
    // In one step: one read transaction, hence one state, which in WAL mode stops nobody.
    let step = sqlite3_backup_step(backup, -1)
    let finish = sqlite3_backup_finish(backup)
    guard step == SQLITE_DONE, finish == SQLITE_OK else {
      let code = step == SQLITE_DONE ? finish : step
      let isTargets = code & 0xFF == SQLITE_FULL || sqlite3_errcode(target) & 0xFF == SQLITE_IOERR
      throw SQLiteFault.error(
        code: code, message: String(cString: sqlite3_errstr(code)), database: isTargets ? targetName : sourceName)
    }
  }
}
