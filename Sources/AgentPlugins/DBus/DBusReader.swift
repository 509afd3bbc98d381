/// Reads values in D-Bus' form from bytes that nobody has checked. Each read moves on, or throws.
struct DBusReader {
  private let bytes: ArraySlice<UInt8>
  private let isBigEndian: Bool
  /// From the start of `bytes`, which stands at a multiple of eight of the message.
  private(set) var at = 0

  init(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) {
    self.bytes = bytes
    self.isBigEndian = isBigEndian
  }

  var isAtEnd: Bool { at >= bytes.count }

  mutating func align(_ size: Int) throws(DBusError) {
    let padding = (size - at % size) % size
    guard padding <= bytes.count - at else { throw .malformed("it ends in padding") }
    for offset in 0..<padding where bytes[bytes.startIndex + at + offset] != 0 {
      throw .malformed("padding that is not zero")
    }
    at += padding
  }

  mutating func byte() throws(DBusError) -> UInt8 { try take(1)[0] }

  mutating func uint32() throws(DBusError) -> UInt32 {
    try align(4)
    let four = try take(4)
    return (isBigEndian ? four : four.reversed()).reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// A string or an object path: UTF-8 without zero bytes.
  mutating func string() throws(DBusError) -> String {
    let length = try uint32()
    return try text(Int(length))
  }

  mutating func signature() throws(DBusError) -> String { try text(Int(try byte())) }

  /// A value of type `v` that holds a string or an object path.
  mutating func stringVariant() throws(DBusError) -> String {
    let type = try signature()
    guard type == "s" || type == "o" else { throw .malformed("a variant of type \(type), not a string") }
    return try string()
  }

  /// Passes over a value of a basic type; containers do not stand in headers of messages that we understand.
  mutating func skip(_ type: String) throws(DBusError) {
    switch type {
    case "y": _ = try byte()
    case "n", "q": try skip(size: 2)
    case "b", "i", "u", "h": try skip(size: 4)
    case "x", "t", "d": try skip(size: 8)
    case "s", "o": _ = try string()
    case "g": _ = try signature()
    default: throw .malformed("a header field of type \(type)")
    }
  }

  private mutating func skip(size: Int) throws(DBusError) {
    try align(size)
    _ = try take(size)
  }

  private mutating func text(_ length: Int) throws(DBusError) -> String {
    let all = try take(length &+ 1)
    guard all.last == 0, !all.dropLast().contains(0), let text = String(validating: all.dropLast(), as: UTF8.self)
    else {
      throw .malformed("a text that is none")
    }
    return text
  }

  private mutating func take(_ count: Int) throws(DBusError) -> [UInt8] {
    guard count > 0, count <= bytes.count - at else { throw .malformed("it ends too early") }
    let start = bytes.startIndex + at
    at += count
    return Array(bytes[start..<start + count])
  }
}
