import CMariaDB
import DatastoreAPI

/// A prepared statement and the row that it is at. Used by its ``MySQLConnection`` only.
final class MySQLStatement: SQLRow {
  /// The server's or the library's refusal.
  struct Failure: Error {
    let number: UInt32
    let message: String
  }

  let handle: UnsafeMutablePointer<MYSQL_STMT>
  /// Whether somebody uses it now.
  var isInUse = true
  private let library: MariaDBLibrary
  private unowned let connection: MySQLConnection
  private let order: [Int]
  private let columns: MySQLColumns?

  init(_ text: MySQLText, on connection: MySQLConnection) throws(Failure) {
    self.connection = connection
    library = connection.library
    order = text.arguments
    let call = library.call
    guard let handle = call.mysql_stmt_init(connection.handle) else {
      throw Failure(number: call.mysql_errno(connection.handle), message: "no memory for a statement")
    }
    self.handle = handle
    guard call.mysql_stmt_prepare(handle, text.text, UInt(text.text.utf8.count)) == 0 else {
      columns = nil
      let failure = Self.failure(handle, library)
      throw failure
    }
    columns = MySQLColumns(handle, library)
  }

  // Runs also for a statement that could not be prepared.
  deinit { _ = library.call.mysql_stmt_close(handle) }

  /// Sends it and fetches the result, so that other statements can run while its rows are read.
  func execute(_ parameters: MySQLParameters, _ arguments: [SQLValue]) throws(Failure) {
    let call = library.call
    guard call.mysql_stmt_param_count(handle) == UInt(order.count), order.allSatisfy(arguments.indices.contains) else {
      throw Failure(number: 0, message: "\(order.count) placeholders and \(arguments.count) arguments")
    }
    if !order.isEmpty {
      guard call.mysql_stmt_bind_param(handle, parameters.fill(arguments, order: order)) == 0 else {
        throw Self.failure(handle, library)
      }
    }
    guard call.mysql_stmt_execute(handle) == 0 else { throw Self.failure(handle, library) }
    guard let columns else { return }
    guard call.mysql_stmt_bind_result(handle, columns.binds) == 0, call.mysql_stmt_store_result(handle) == 0 else {
      throw Self.failure(handle, library)
    }
  }

  /// Goes to the next row.
  func fetch() throws(DatastoreError) -> Bool {
    let result = library.call.mysql_stmt_fetch(handle)
    guard result == 0 || result == MYSQL_DATA_TRUNCATED else {
      if result == MYSQL_NO_DATA { return false }
      let failure = Self.failure(handle, library)
      throw connection.fault(failure.number, failure.message)
    }
    columns?.completeRow()
    return true
  }

  /// Makes it ready for its next use.
  func reset() {
    isInUse = false
    if columns != nil { _ = library.call.mysql_stmt_free_result(handle) }
  }

  private static func failure(_ handle: UnsafeMutablePointer<MYSQL_STMT>, _ library: MariaDBLibrary) -> Failure {
    let message = library.call.mysql_stmt_error(handle).map { String(cString: $0) } ?? ""
    return Failure(number: library.call.mysql_stmt_errno(handle), message: message)
  }

  func isNull(_ column: Int32) -> Bool { columns?.isNull(column) ?? true }
  func integer(_ column: Int32) -> Int64 { columns?.integer(column) ?? 0 }
  func bool(_ column: Int32) -> Bool { integer(column) != 0 }
  func text(_ column: Int32) -> String { columns.map { String(decoding: $0.bytes(column), as: UTF8.self) } ?? "" }
  func blob(_ column: Int32) -> [UInt8] { columns.map { Array($0.bytes(column)) } ?? [] }
  func time(_ column: Int32) -> SQLTime? { columns?.time(column) }
}
