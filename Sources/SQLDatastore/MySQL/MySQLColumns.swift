import CMariaDB

/// The memory into which the rows of a statement's result are fetched. Owned by one ``MySQLStatement``.
///
/// Integers and times have a place of fixed size; texts and bytes have one that grows to the largest value seen.
final class MySQLColumns {
  private enum Kind { case integer, time, bytes }

  private static let firstCapacity = 256

  let binds: UnsafeMutablePointer<MYSQL_BIND>
  private let count: Int
  private let kinds: [Kind]
  private let nulls: UnsafeMutablePointer<my_bool>
  private let lengths: UnsafeMutablePointer<UInt>
  private let integers: UnsafeMutablePointer<Int64>
  private let times: UnsafeMutablePointer<MYSQL_TIME>
  private let statement: UnsafeMutablePointer<MYSQL_STMT>
  private let library: MariaDBLibrary

  /// Nil for a statement without a result.
  init?(_ statement: UnsafeMutablePointer<MYSQL_STMT>, _ library: MariaDBLibrary) {
    let call = library.call
    count = Int(call.mysql_stmt_field_count(statement))
    guard count > 0, let metadata = call.mysql_stmt_result_metadata(statement) else { return nil }
    defer { call.mysql_free_result(metadata) }
    guard let fields = call.mysql_fetch_fields(metadata) else { return nil }
    self.statement = statement
    self.library = library
    kinds = (0..<count).map { Self.kind(fields[$0].type) }
    binds = .allocate(capacity: count)
    nulls = .allocate(capacity: count)
    lengths = .allocate(capacity: count)
    integers = .allocate(capacity: count)
    times = .allocate(capacity: count)
    nulls.initialize(repeating: 0, count: count)
    lengths.initialize(repeating: 0, count: count)
    integers.initialize(repeating: 0, count: count)
    times.initialize(repeating: MYSQL_TIME(), count: count)
    for column in 0..<count {
      var bind = MYSQL_BIND()
      bind.is_null = nulls + column
      bind.length = lengths + column
      switch kinds[column] {
      case .integer:
        bind.buffer_type = MYSQL_TYPE_LONGLONG
        bind.buffer = UnsafeMutableRawPointer(integers + column)
        bind.buffer_length = 8
        bind.is_unsigned = fields[column].flags & UInt32(UNSIGNED_FLAG) != 0 ? 1 : 0
      case .time:
        bind.buffer_type = MYSQL_TYPE_DATETIME
        bind.buffer = UnsafeMutableRawPointer(times + column)
        bind.buffer_length = UInt(MemoryLayout<MYSQL_TIME>.size)
      case .bytes:
        // Bytes as they come, whatever the column's type: the character set is that of the connection.
        bind.buffer_type = MYSQL_TYPE_STRING
        bind.buffer = .allocate(byteCount: Self.firstCapacity, alignment: 1)
        bind.buffer_length = UInt(Self.firstCapacity)
      }
      binds[column] = bind
    }
  }

  deinit {
    for column in 0..<count where kinds[column] == .bytes { binds[column].buffer.deallocate() }
    binds.deallocate()
    nulls.deallocate()
    lengths.deallocate()
    integers.deallocate()
    times.deallocate()
  }

  private static func kind(_ type: enum_field_types) -> Kind {
    switch type {
    case MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_INT24, MYSQL_TYPE_YEAR:
      .integer
    case MYSQL_TYPE_DATETIME, MYSQL_TYPE_TIMESTAMP, MYSQL_TYPE_DATE: .time
    default: .bytes
    }
  }

  /// Fetches again what had not enough room, and makes that room for the rows to come.
  func completeRow() {
    var hasGrown = false
    for column in 0..<count
    where kinds[column] == .bytes && nulls[column] == 0 && lengths[column] > binds[column].buffer_length {
      var capacity = Int(binds[column].buffer_length)
      while capacity < Int(lengths[column]) { capacity *= 2 }
      binds[column].buffer.deallocate()
      binds[column].buffer = .allocate(byteCount: capacity, alignment: 1)
      binds[column].buffer_length = UInt(capacity)
      _ = library.call.mysql_stmt_fetch_column(statement, binds + column, UInt32(column), 0)
      hasGrown = true
    }
    if hasGrown { _ = library.call.mysql_stmt_bind_result(statement, binds) }
  }

  func isNull(_ column: Int32) -> Bool { nulls[Int(column)] != 0 }

  func integer(_ column: Int32) -> Int64 {
    if isNull(column) { return 0 }
    switch kinds[Int(column)] {
    case .integer: return integers[Int(column)]
    case .bytes: return Int64(String(decoding: bytes(column), as: UTF8.self)) ?? 0
    case .time: return 0
    }
  }

  /// The bytes of a text or blob; none for NULL.
  func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    let index = Int(column)
    guard nulls[index] == 0, kinds[index] == .bytes else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(
      start: binds[index].buffer, count: Int(min(lengths[index], binds[index].buffer_length)))
  }

  func time(_ column: Int32) -> SQLTime? {
    if isNull(column) { return nil }
    switch kinds[Int(column)] {
    case .time: return SQLTime(times[Int(column)])
    case .bytes: return SQLTime(text: String(decoding: bytes(column), as: UTF8.self))
    case .integer: return nil
    }
  }
}
