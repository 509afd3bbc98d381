import CMariaDB
import DatastoreAPI
import Glibc

/// The client library of MySQL and MariaDB, opened when the first connection is made and never closed.
///
/// Used by ``MySQLConnection`` and ``MySQLStatement``. The table of its functions does not change once it is filled.
struct MariaDBLibrary: @unchecked Sendable {
  private let table: UnsafePointer<CMariaDBFunctions>

  /// The library's functions.
  var call: CMariaDBFunctions { table.pointee }

  private static let opened = Result { () throws(DatastoreError) in try open("libmariadb.so.3") }

  static func shared() throws(DatastoreError) -> MariaDBLibrary { try opened.get() }

  static func open(_ file: String) throws(DatastoreError) -> MariaDBLibrary {
    guard let library = dlopen(file, RTLD_NOW | RTLD_LOCAL) else {
      let reason = dlerror().map { String(cString: $0) } ?? file
      throw .sql(
        .failedPrecondition,
        "database_type mysql needs the client library of MariaDB, which cannot be opened (\(reason)); install libmariadb3"
      )
    }
    let table = UnsafeMutablePointer<CMariaDBFunctions>.allocate(capacity: 1)
    if let missing = cmariadb_load(table, library) {
      table.deallocate()
      throw .sql(
        .failedPrecondition,
        "\(file) has no function \(String(cString: missing)); install libmariadb3 in version 3.3 or newer")
    }
    // Not thread-safe by itself: `shared` comes here once.
    _ = table.pointee.mysql_server_init(0, nil, nil)
    return MariaDBLibrary(table: table)
  }
}
