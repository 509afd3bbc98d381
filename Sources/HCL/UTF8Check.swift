/// Finds the first byte of a file that is not UTF-8.
enum UTF8Check {
  static func firstInvalid(_ bytes: [UInt8]) -> HCLPosition? {
    if String(validating: bytes, as: UTF8.self) != nil { return nil }
    var line = 1
    var column = 1
    var index = 0
    while index < bytes.count {
      guard let length = length(of: bytes[index...]) else { return HCLPosition(line: line, column: column) }
      if bytes[index] == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else {
        column += 1
      }
      index += length
    }
    return nil
  }

  static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || (UInt8(ascii: "\t")...UInt8(ascii: "\r")).contains(byte)
  }

  /// The number of bytes of the character at the start, or nil when there is none.
  private static func length(of bytes: ArraySlice<UInt8>) -> Int? {
    (1...4).first { bytes.count >= $0 && String(validating: bytes.prefix($0), as: UTF8.self) != nil }
  }
}
