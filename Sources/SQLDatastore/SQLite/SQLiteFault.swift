import CSQLite
import DatastoreAPI

/// Turns SQLite's result codes into errors that name the database and say what to do.
enum SQLiteFault {
  // Macros of sqlite3.h that Swift does not import.
  private static let primaryKeyConstraint = SQLITE_CONSTRAINT | 6 << 8
  private static let uniqueConstraint = SQLITE_CONSTRAINT | 8 << 8
  private static let rowIDConstraint = SQLITE_CONSTRAINT | 10 << 8

  static func error(code: Int32, message: String, database: String) -> DatastoreError {
    let cause = Cause(code: code, message: message)
    func unavailable(_ text: String) -> DatastoreError {
      .sql(.unavailable, "\(database) \(text) (\(message))", cause: cause)
    }
    switch code {
    case uniqueConstraint, primaryKeyConstraint, rowIDConstraint:
      return .sql(.alreadyExists, message, cause: cause)
    default: break
    }
    switch code & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED:
      return unavailable("is locked by another process; end the other process that uses it, or try again later")
    case SQLITE_FULL: return unavailable("cannot grow, the disk is full; free space on its disk")
    case SQLITE_READONLY:
      return unavailable("cannot be written; give this user write access to the file and its folder")
    case SQLITE_CORRUPT: return unavailable("is damaged; restore it from a backup")
    case SQLITE_NOTADB:
      return unavailable("is not a SQLite database or is damaged; restore it or correct connection_string")
    case SQLITE_CANTOPEN:
      return unavailable("cannot be opened; check that its folder exists and that this user may read and write in it")
    case SQLITE_PERM, SQLITE_AUTH:
      return unavailable("cannot be used: permission denied; give this user read and write access to the file")
    case SQLITE_IOERR: return unavailable("cannot be read or written, its disk reports an error; check the disk")
    case SQLITE_NOMEM: return unavailable("cannot be used: out of memory")
    default: return .sql(.internal, message, cause: cause)
    }
  }

  /// SQLite's own words.
  struct Cause: Error, CustomStringConvertible {
    var code: Int32
    var message: String
    var description: String { "SQLite error \(code): \(message)" }
  }
}
