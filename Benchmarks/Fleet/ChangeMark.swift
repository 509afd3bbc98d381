import NIOCore

/// The mark that a change leaves in an entry's hint, which agents look for in what they receive: no message has to be
/// parsed, whatever protocol brought it.
enum ChangeMark {
  private static let beginning = Array("change-".utf8)
  private static let digits = 9

  static func text(_ number: Int) -> String {
    let text = String(number)
    return "change-" + String(repeating: "0", count: digits - text.count) + text
  }

  /// The highest number of a mark in `message`; 0 without any.
  static func newest(in message: ByteBuffer) -> Int {
    message.withUnsafeReadableBytes { bytes in
      var newest = 0
      var index = 0
      let end = bytes.count - beginning.count - digits
      while index <= end {
        guard bytes[index] == beginning[0], bytes[index + 6] == beginning[6],
          beginning.indices.allSatisfy({ bytes[index + $0] == beginning[$0] })
        else {
          index += 1
          continue
        }
        index += beginning.count
        var number = 0
        for _ in 0..<digits {
          number = number * 10 + Int(bytes[index]) - 48
          index += 1
        }
        newest = max(newest, number)
      }
      return newest
    }
  }
}
