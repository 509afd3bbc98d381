import CPostgres

/// A connection of the tests to PostgreSQL, past the code under test. Used by one thread at a time.
package final class PostgresSession {
  private let functions: cpostgres_functions
  private let connection: OpaquePointer

  package init(_ connectionString: String) throws {
    var functions = cpostgres_functions()
    if let problem = cpostgres_load("libpq.so.5", &functions) { throw TestDatabaseError(String(cString: problem)) }
    var opened: OpaquePointer?
    var words: [UnsafePointer<CChar>?] = []
    "dbname".withCString { keyword in
      connectionString.withCString { text in
        words = [keyword, nil]
        let values: [UnsafePointer<CChar>?] = [text, nil]
        opened = functions.connectdbParams(words, values, 1)
      }
    }
    guard let opened, functions.status(opened) == CONNECTION_OK else {
      let message = functions.errorMessage(opened).map { String(cString: $0) } ?? "no memory"
      functions.finish(opened)
      throw TestDatabaseError(message)
    }
    _ = functions.setNoticeProcessor(opened, cpostgres_drop_notice, nil)
    (connection, self.functions) = (opened, functions)
  }

  deinit { functions.finish(connection) }

  /// Runs statements and returns the rows of the last one as text, `NULL` for none.
  @discardableResult
  package func rows(_ sql: String) throws -> [[String]] {
    let result = functions.exec(connection, sql)
    defer { functions.clear(result) }
    let status = functions.resultStatus(result)
    guard status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK else {
      throw TestDatabaseError(functions.errorMessage(connection).map { String(cString: $0) } ?? "")
    }
    return (0..<functions.ntuples(result)).map { row in
      (0..<functions.nfields(result)).map { column in
        if functions.getisnull(result, row, column) == 1 { return "NULL" }
        return functions.getvalue(result, row, column).map { String(cString: $0) } ?? ""
      }
    }
  }

  /// The process of the server that works for this connection.
  package func backend() throws -> String { try rows("SELECT pg_backend_pid()")[0][0] }
}
