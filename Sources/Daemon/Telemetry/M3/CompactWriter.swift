/// Writes values in Thrift's compact protocol (thrift-compact-protocol.md), as much of it as M3's batches need. A value.
struct CompactWriter {
  /// The types of fields.
  enum FieldType: UInt8 {
    case int32 = 5
    case int64 = 6
    case double = 7
    case binary = 8
    case list = 9
    case structure = 12
  }

  private(set) var bytes: [UInt8] = []

  /// The head of a call that nobody answers.
  mutating func oneWayCall(_ name: String, sequence: Int32) {
    // Protocol, then type 4 (one way) and version 1.
    bytes += [0x82, 4 << 5 | 1]
    varint(UInt64(UInt32(bitPattern: sequence)))
    string(name)
  }

  /// The head of a field whose number is `delta` above the one before it.
  mutating func field(_ type: FieldType, delta: UInt8 = 1) { bytes.append(delta << 4 | type.rawValue) }

  mutating func end() { bytes.append(0) }

  mutating func listOfStructures(_ count: Int) {
    let type = FieldType.structure.rawValue
    guard count >= 15 else { return bytes.append(UInt8(count) << 4 | type) }
    bytes.append(0xF0 | type)
    varint(UInt64(count))
  }

  mutating func string(_ text: String) {
    varint(UInt64(text.utf8.count))
    bytes += text.utf8
  }

  /// A zigzag number: i32 and i64 look alike.
  mutating func integer(_ value: Int64) { varint(UInt64(bitPattern: value << 1 ^ value >> 63)) }

  mutating func double(_ value: Double) {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
