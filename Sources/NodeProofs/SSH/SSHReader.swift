/// Walks the wire form of SSH (RFC 4251 §5) without copying and never past its end. Every failure is nil: the caller
/// knows what it looked for.
struct SSHReader {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: some Collection<UInt8>) { rest = Array(bytes)[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func number32() -> UInt32? {
    guard rest.count >= 4 else { return nil }
    defer { rest = rest.dropFirst(4) }
    return rest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  mutating func number64() -> UInt64? {
    guard let high = number32(), let low = number32() else { return nil }
    return UInt64(high) << 32 | UInt64(low)
  }

  /// Bytes behind their length.
  mutating func string() -> [UInt8]? {
    let start = rest
    guard let length = number32(), rest.count >= Int(length) else {
      rest = start
      return nil
    }
    defer { rest = rest.dropFirst(Int(length)) }
    return Array(rest.prefix(Int(length)))
  }

  /// A string that is UTF-8.
  mutating func text() -> String? { string().flatMap { String(validating: $0, as: UTF8.self) } }

  /// A number that is not negative, without its leading zeros.
  mutating func positiveNumber() -> [UInt8]? {
    guard let bytes = string() else { return nil }
    guard let first = bytes.first else { return [] }
    return first < 0x80 ? Array(bytes.drop { $0 == 0 }) : nil
  }

  mutating func bytes(_ count: Int) -> [UInt8]? {
    guard rest.count >= count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }
}

/// Appends the wire form of SSH to one buffer.
struct SSHWriter {
  private(set) var bytes: [UInt8] = []

  mutating func string(_ contents: some Collection<UInt8>) {
    bytes += withUnsafeBytes(of: UInt32(contents.count).bigEndian, Array.init)
    bytes += contents
  }

  mutating func string(_ text: String) { string(Array(text.utf8)) }

  /// A number that is not negative: shortest, and with a zero before a first bit that is set.
  mutating func positiveNumber(_ magnitude: some Collection<UInt8>) {
    let digits = Array(magnitude.drop { $0 == 0 })
    string(digits.first.map { $0 >= 0x80 } == true ? [0] + digits : digits)
  }
}
