import CMariaDB
import Glibc

/// The memory in which the arguments of a statement lie while it is sent. Owned by one ``MySQLConnection`` and used for
/// one statement after the other; grows to the largest and stays.
final class MySQLParameters {
  /// A value of fixed size.
  private struct Slot {
    var integer: Int64 = 0
    var time = MYSQL_TIME()
  }

  private var binds = UnsafeMutableBufferPointer<MYSQL_BIND>.allocate(capacity: 0)
  private var slots = UnsafeMutableBufferPointer<Slot>.allocate(capacity: 0)
  private var bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 1)

  deinit {
    binds.deallocate()
    slots.deallocate()
    bytes.deallocate()
  }

  /// Lays the arguments out in the order of the placeholders.
  func fill(_ arguments: [SQLValue], order: [Int]) -> UnsafeMutablePointer<MYSQL_BIND>? {
    makeRoom(placeholders: order.count, bytes: order.reduce(0) { $0 + Self.size(arguments[$1]) })
    var offset = 0
    for (index, argument) in order.enumerated() {
      var bind = MYSQL_BIND()
      switch arguments[argument] {
      case .null: bind.buffer_type = MYSQL_TYPE_NULL
      case .integer(let integer): fill(&bind, slot: index, integer)
      case .bool(let bool): fill(&bind, slot: index, bool ? 1 : 0)
      case .time(let time):
        slots[index].time = time.mysql
        bind.buffer_type = MYSQL_TYPE_DATETIME
        bind.buffer = UnsafeMutableRawPointer(slots.baseAddress! + index) + MemoryLayout<Slot>.offset(of: \.time)!
      case .text(let text):
        bind.buffer_type = MYSQL_TYPE_STRING
        var text = text
        text.withUTF8 { copy(UnsafeRawBufferPointer($0), into: &bind, at: &offset) }
      case .blob(let blob):
        bind.buffer_type = MYSQL_TYPE_LONG_BLOB
        blob.withUnsafeBytes { copy($0, into: &bind, at: &offset) }
      }
      binds[index] = bind
    }
    return binds.baseAddress
  }

  private func fill(_ bind: inout MYSQL_BIND, slot: Int, _ integer: Int64) {
    slots[slot].integer = integer
    bind.buffer_type = MYSQL_TYPE_LONGLONG
    bind.buffer = UnsafeMutableRawPointer(slots.baseAddress! + slot)
  }

  private func copy(_ source: UnsafeRawBufferPointer, into bind: inout MYSQL_BIND, at offset: inout Int) {
    let target = UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + source.count])
    target.copyMemory(from: source)
    // Never nil, also for nothing: the library takes nil for "no buffer".
    bind.buffer = bytes.baseAddress! + offset
    bind.buffer_length = UInt(source.count)
    bind.length_value = UInt(source.count)
    offset += source.count
  }

  private static func size(_ value: SQLValue) -> Int {
    switch value {
    case .text(let text): text.utf8.count
    case .blob(let bytes): bytes.count
    default: 0
    }
  }

  private func makeRoom(placeholders: Int, bytes count: Int) {
    if placeholders > slots.count {
      binds.deallocate()
      slots.deallocate()
      binds = .allocate(capacity: placeholders)
      slots = .allocate(capacity: placeholders)
      slots.initialize(repeating: Slot())
    }
    if count >= bytes.count {
      bytes.deallocate()
      bytes = .allocate(byteCount: max(count + 1, 4096), alignment: 1)
    }
  }
}

extension SQLTime {
  /// Whole seconds: the columns keep no fraction. Some servers round one, which would be a time that nobody wrote.
  var mysql: MYSQL_TIME {
    var moment = time_t(seconds)
    var parts = tm()
    gmtime_r(&moment, &parts)
    var time = MYSQL_TIME()
    time.year = UInt32(parts.tm_year + 1900)
    time.month = UInt32(parts.tm_mon + 1)
    time.day = UInt32(parts.tm_mday)
    time.hour = UInt32(parts.tm_hour)
    time.minute = UInt32(parts.tm_min)
    time.second = UInt32(parts.tm_sec)
    time.time_type = MYSQL_TIMESTAMP_DATETIME
    return time
  }

  /// Nil for MySQL's "zero" dates.
  init?(_ time: MYSQL_TIME) {
    guard time.month > 0, time.day > 0 else { return nil }
    let days = Self.days(year: Int64(time.year), month: Int64(time.month), day: Int64(time.day))
    let seconds = days * 86_400 + Int64(time.hour) * 3600 + Int64(time.minute) * 60 + Int64(time.second)
    self.init(seconds: seconds, nanoseconds: Int32(clamping: time.second_part * 1000))
  }
}
