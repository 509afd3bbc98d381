import CPostgres
import DatastoreAPI
import Synchronization

/// libpq, loaded when the first PostgreSQL database is opened. Shared by all connections; immutable once made.
final class PostgresLibrary: @unchecked Sendable {
  /// The functions; all are there.
  let functions: cpostgres_functions

  static let name = "libpq.so.5"
  private static let loaded = Mutex<PostgresLibrary?>(nil)

  /// The library, or an error that says how to get it.
  static func shared() throws(DatastoreError) -> PostgresLibrary {
    if let library = loaded.withLock({ $0 }) { return library }
    let library = try PostgresLibrary(name)
    loaded.withLock { $0 = library }
    return library
  }

  init(_ name: String) throws(DatastoreError) {
    var functions = cpostgres_functions()
    if let problem = cpostgres_load(name, &functions) {
      throw .sql(
        .failedPrecondition,
        "PostgreSQL databases need the library libpq, version 14 or newer: install libpq5 "
          + "(Debian, Ubuntu) or postgresql-libs (Fedora, Red Hat), then start again (\(String(cString: problem)))")
    }
    self.functions = functions
  }
}
