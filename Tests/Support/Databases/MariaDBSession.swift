import CMariaDB
import Glibc

/// A connection of the tests to MariaDB, past the code under test. Used by one thread at a time.
package final class MariaDBSession {
  private let functions: UnsafeMutablePointer<CMariaDBFunctions>
  private let connection: UnsafeMutablePointer<MYSQL>

  private static let library: Result<UInt, TestDatabaseError> = {
    guard let library = dlopen("libmariadb.so.3", RTLD_NOW) else {
      return .failure(TestDatabaseError("libmariadb.so.3 is not installed"))
    }
    return .success(UInt(bitPattern: library))
  }()

  package init(socket: String, user: String, password: String, database: String) throws {
    functions = .allocate(capacity: 1)
    guard let library = UnsafeMutableRawPointer(bitPattern: try Self.library.get()),
      cmariadb_load(functions, library) == nil, let handle = functions.pointee.mysql_init(nil)
    else { throw TestDatabaseError("libmariadb.so.3 cannot be used") }
    connection = handle
    _ = functions.pointee.mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4")
    guard
      functions.pointee.mysql_real_connect(handle, nil, user, password, database, 0, socket, 0) != nil
    else { throw error() }
  }

  deinit {
    functions.pointee.mysql_close(connection)
    functions.deallocate()
  }

  private func error() -> TestDatabaseError {
    TestDatabaseError(functions.pointee.mysql_error(connection).map { String(cString: $0) } ?? "")
  }

  /// Runs a statement and returns its rows as text, `NULL` for none.
  @discardableResult
  package func rows(_ sql: String) throws -> [[String]] {
    let call = functions.pointee
    guard call.mysql_real_query(connection, sql, UInt(sql.utf8.count)) == 0 else { throw error() }
    let count = Int(call.mysql_field_count(connection))
    guard count > 0 else { return [] }
    guard let result = call.mysql_store_result(connection) else { throw error() }
    defer { call.mysql_free_result(result) }
    var rows: [[String]] = []
    while let row = call.mysql_fetch_row(result), let lengths = call.mysql_fetch_lengths(result) {
      rows.append(
        (0..<count).map { column in
          guard let start = row[column] else { return "NULL" }
          let bytes = UnsafeRawBufferPointer(start: start, count: Int(lengths[column]))
          return String(decoding: bytes, as: UTF8.self)
        })
    }
    return rows
  }
}
