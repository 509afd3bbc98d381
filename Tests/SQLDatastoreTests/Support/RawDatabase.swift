import CSQLite

/// Looks into a database file with SQLite itself, past the code under test.
final class RawDatabase {
  private var handle: OpaquePointer?

  init(_ path: String) throws {
    guard sqlite3_open(path, &handle) == SQLITE_OK else { throw RawError(message: "cannot open \(path)") }
  }

  deinit { sqlite3_close(handle) }

  struct RawError: Error { var message: String }

  @discardableResult
  func rows(_ sql: String) throws -> [[String]] {
    var rows: [[String]] = []
    var statement: OpaquePointer?
    guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK else {
      throw RawError(message: String(cString: sqlite3_errmsg(handle)))
    }
    defer { sqlite3_finalize(statement) }
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW:
        rows.append(
          (0..<sqlite3_column_count(statement)).map { column in
            guard let text = sqlite3_column_text(statement, column) else { return "NULL" }
            return String(cString: text)
          })
      case SQLITE_DONE: return rows
      default: throw RawError(message: String(cString: sqlite3_errmsg(handle)))
      }
    }
  }
}
