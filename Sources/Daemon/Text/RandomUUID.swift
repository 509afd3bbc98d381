/// Random UUIDs (RFC 9562 §5.4) for requests, entries and tokens.
///
/// Foundation's opens a device file for each one; this asks the kernel's generator directly.
package enum RandomUUID {
  /// Lower-case text, `f81d4fae-7dec-41d0-a765-00a0c91e6bf6`.
  package static func text() -> String {
    var generator = SystemRandomNumberGenerator()
    return text(generator.next(), generator.next())
  }

  /// 122 of these bits, with version 4 and the variant of the RFC.
  static func text(_ high: UInt64, _ low: UInt64) -> String {
    let high = high & ~0xF000 | 0x4000
    let low = low & ~(3 << 62) | 2 << 62
    return String(unsafeUninitializedCapacity: 36) { text in
      var at = 0
      for index in 0..<32 {
        if index == 8 || index == 12 || index == 16 || index == 20 {
          text[at] = UInt8(ascii: "-")
          at += 1
        }
        let word = index < 16 ? high : low
        let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (index % 16)) & 0xF)
        text[at] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        at += 1
      }
      return at
    }
  }
}
