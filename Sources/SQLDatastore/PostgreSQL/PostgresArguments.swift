import DatastoreAPI

/// The arguments of one statement in the form that libpq sends: one buffer, so that nothing is allocated per argument.
struct PostgresArguments {
  private(set) var bytes: [UInt8] = []
  /// Where each argument begins in ``bytes``; -1 for NULL.
  private(set) var offsets: [Int] = []
  private(set) var lengths: [Int32] = []
  /// 0 for text, 1 for binary. Texts are sent as binary too: it is the same bytes, but with a length, so that a NUL inside
  /// is refused by the server instead of ending the value.
  private(set) var formats: [Int32] = []

  /// The type of 64-bit integers; every integer is sent as one, whatever column it is compared with or stored in.
  private static let bigint: UInt32 = 20

  /// The types that a statement is prepared with; 0 lets the server find out.
  static func types(_ values: [SQLValue]) -> [UInt32] {
    values.map { if case .integer = $0 { bigint } else { 0 } }
  }

  init(_ values: [SQLValue]) {
    offsets.reserveCapacity(values.count)
    lengths.reserveCapacity(values.count)
    formats.reserveCapacity(values.count)
    for value in values {
      let start = bytes.count
      var format: Int32 = 0
      switch value {
      case .null: break
      case .integer(let integer):
        let bits = UInt64(bitPattern: integer)
        for shift in stride(from: 56, through: 0, by: -8) {
          bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        format = 1
      case .bool(let bool):
        bytes.append(bool ? 1 : 0)
        format = 1
      case .text(let text):
        bytes.append(contentsOf: text.utf8)
        format = 1
      case .blob(let blob):
        bytes.append(contentsOf: blob)
        format = 1
      case .time(let time):
        // What PostgreSQL keeps: rounding would make a moment of the next second.
        let cut = SQLTime(seconds: time.seconds, nanoseconds: time.nanoseconds / 1000 * 1000)
        bytes.append(contentsOf: cut.text.utf8)
      }
      offsets.append(value == .null ? -1 : start)
      lengths.append(Int32(clamping: bytes.count - start))
      formats.append(format)
      // The end of a text value, and an address for an empty one.
      bytes.append(0)
    }
  }

  /// Calls `body` with the pointers that libpq takes.
  func withPointers<T>(
    _ body: ([UnsafePointer<CChar>?], [Int32], [Int32]) -> T
  ) -> T {
    bytes.withUnsafeBytes { buffer in
      let start = buffer.bindMemory(to: CChar.self).baseAddress
      let pointers = offsets.map { offset in offset < 0 ? nil : start.map { $0 + offset } }
      return body(pointers, lengths, formats)
    }
  }
}
