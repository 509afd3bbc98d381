import CPostgres

/// The result of one statement, and the row that is being read. Values are in PostgreSQL's binary form, read in place.
final class PostgresResult: SQLRow {
  private let functions: cpostgres_functions
  let handle: OpaquePointer
  var row: Int32 = 0

  init(_ handle: OpaquePointer, _ functions: cpostgres_functions) {
    self.handle = handle
    self.functions = functions
  }

  deinit { functions.clear(handle) }

  var status: ExecStatusType { functions.resultStatus(handle) }
  var rowCount: Int32 { functions.ntuples(handle) }
  /// What was done, for example `COMMIT` or `INSERT 0 1`.
  var command: String { functions.cmdStatus(handle).map { String(cString: $0) } ?? "" }
  /// How many rows were changed.
  var changes: Int { functions.cmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0 }
  var message: String {
    let text =
      functions.resultErrorField(handle, Self.primaryMessage)
      ?? UnsafeMutablePointer(
        mutating: functions.resultErrorMessage(handle))
    return text.map { String(cString: $0) } ?? ""
  }
  var state: String { functions.resultErrorField(handle, Self.sqlState).map { String(cString: $0) } ?? "" }

  // PG_DIAG_MESSAGE_PRIMARY and PG_DIAG_SQLSTATE
  private static let primaryMessage = Int32(UInt8(ascii: "M"))
  private static let sqlState = Int32(UInt8(ascii: "C"))

  func isNull(_ column: Int32) -> Bool { functions.getisnull(handle, row, column) == 1 }

  func integer(_ column: Int32) -> Int64 {
    let bytes = bytes(column)
    guard let first = bytes.first else { return 0 }
    var value = Int64(Int8(bitPattern: first))
    for byte in bytes.dropFirst() { value = value << 8 | Int64(byte) }
    return value
  }

  func bool(_ column: Int32) -> Bool { bytes(column).first == 1 }

  func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

  func blob(_ column: Int32) -> [UInt8] { Array(bytes(column)) }

  /// Microseconds since 2000-01-01 in UTC.
  func time(_ column: Int32) -> SQLTime? {
    guard !isNull(column) else { return nil }
    let microseconds = integer(column)
    let seconds = (microseconds >= 0 ? microseconds : microseconds - 999_999) / 1_000_000
    return SQLTime(
      seconds: seconds + 946_684_800, nanoseconds: Int32(microseconds - seconds * 1_000_000) * 1000)
  }

  private func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    guard !isNull(column), let start = functions.getvalue(handle, row, column) else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return UnsafeRawBufferPointer(start: start, count: Int(functions.getlength(handle, row, column)))
  }
}
