import CSQLite
import DatastoreAPI

/// A prepared statement and, while it steps, the row it is at. Owned by its ``SQLiteConnection``.
final class SQLiteStatement: SQLRow {
  private let handle: OpaquePointer
  /// From its making or its next use until ``reset()``.
  var isInUse = true

  init(handle: OpaquePointer) { self.handle = handle }

  deinit { sqlite3_finalize(handle) }

  /// Binds all arguments; returns SQLite's code of the first one that fails.
  func bind(_ arguments: [SQLValue]) -> Int32 {
    guard arguments.count == Int(sqlite3_bind_parameter_count(handle)) else { return SQLITE_RANGE }
    for (index, argument) in arguments.enumerated() {
      let code = bind(argument, at: Int32(index + 1))
      if code != SQLITE_OK { return code }
    }
    return SQLITE_OK
  }

  func step() -> Int32 { sqlite3_step(handle) }

  /// Makes the statement ready for its next use and drops the values bound to it.
  func reset() {
    isInUse = false
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
  }

  private func bind(_ value: SQLValue, at index: Int32) -> Int32 {
    switch value {
    case .null: return sqlite3_bind_null(handle, index)
    case .integer(let integer): return sqlite3_bind_int64(handle, index, integer)
    case .bool(let bool): return sqlite3_bind_int64(handle, index, bool ? 1 : 0)
    case .text(let text): return bind(text: text, at: index)
    case .time(let time): return bind(text: time.text, at: index)
    case .blob(let bytes):
      // An empty blob needs an address of its own: without one SQLite binds NULL.
      if bytes.isEmpty { return sqlite3_bind_zeroblob(handle, index, 0) }
      return bytes.withUnsafeBytes {
        sqlite3_bind_blob64(handle, index, $0.baseAddress, sqlite3_uint64($0.count), Self.copied)
      }
    }
  }

  private func bind(text: String, at index: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) { characters in
        guard let start = characters.baseAddress, !characters.isEmpty else {
          return sqlite3_bind_text(handle, index, "", 0, Self.copied)
        }
        return sqlite3_bind_text64(
          handle, index, start, sqlite3_uint64(characters.count), Self.copied, UInt8(SQLITE_UTF8))
      }
    }
  }

  /// SQLITE_TRANSIENT: SQLite copies the bytes.
  private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  func bool(_ column: Int32) -> Bool { sqlite3_column_int64(handle, column) != 0 }

  func text(_ column: Int32) -> String {
    guard let bytes = textBytes(column) else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }

  func blob(_ column: Int32) -> [UInt8] {
    guard let start = sqlite3_column_blob(handle, column) else { return [] }
    return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
  }

  func time(_ column: Int32) -> SQLTime? { textBytes(column).flatMap { SQLTime(text: $0) } }

  private func textBytes(_ column: Int32) -> UnsafeBufferPointer<UInt8>? {
    guard let start = sqlite3_column_text(handle, column) else { return nil }
    return UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
  }
}
