extension SQLTime {
  /// Reads the time texts that the established implementation writes and reads: a date, optionally a time after a blank
  /// or `T` with an optional fraction, and an optional zone (`Z` or an offset); without a zone it is UTC.
  init?(text bytes: UnsafeBufferPointer<UInt8>) {
    var reader = TimeReader(bytes: bytes)
    guard let year = reader.digits(4), reader.skip("-"), let month = reader.digits(2), reader.skip("-"),
      let day = reader.digits(2), (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    var seconds = Self.days(year: year, month: month, day: day) * 86_400
    var nanoseconds: Int64 = 0
    if reader.skip(" ") || reader.skip("T") {
      guard let hour = reader.digits(2), reader.skip(":"), let minute = reader.digits(2), hour < 24, minute < 60
      else { return nil }
      seconds += hour * 3600 + minute * 60
      if reader.skip(":") {
        guard let second = reader.digits(2), second <= 60 else { return nil }
        seconds += second
      }
      if reader.skip(".") {
        guard let fraction = reader.fraction() else { return nil }
        nanoseconds = fraction
      }
    }
    guard let offset = reader.zone(), reader.isAtEnd else { return nil }
    self.init(seconds: seconds - offset, nanoseconds: Int32(nanoseconds))
  }

  init?(text: String) {
    var text = text
    guard let parsed = text.withUTF8({ SQLTime(text: $0) }) else { return nil }
    self = parsed
  }
}

/// Walks over a time text. Never reads past its end.
private struct TimeReader {
  let bytes: UnsafeBufferPointer<UInt8>
  var index = 0

  var isAtEnd: Bool { index == bytes.count }

  mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
    guard index < bytes.count, UInt32(bytes[index]) == scalar.value else { return false }
    index += 1
    return true
  }

  mutating func digit() -> Int64? {
    guard index < bytes.count, bytes[index] >= UInt8(ascii: "0"), bytes[index] <= UInt8(ascii: "9") else { return nil }
    defer { index += 1 }
    return Int64(bytes[index] - UInt8(ascii: "0"))
  }

  mutating func digits(_ count: Int) -> Int64? {
    var value: Int64 = 0
    for _ in 0..<count {
      guard let digit = digit() else { return nil }
      value = value * 10 + digit
    }
    return value
  }

  /// A fraction of a second in nanoseconds; further digits are dropped.
  mutating func fraction() -> Int64? {
    guard var value = digit() else { return nil }
    var count = 1
    while let digit = digit() {
      if count < 9 { value = value * 10 + digit }
      count += 1
    }
    for _ in min(count, 9)..<9 { value *= 10 }
    return value
  }

  /// The zone's offset from UTC in seconds.
  mutating func zone() -> Int64? {
    if isAtEnd || skip("Z") { return 0 }
    _ = skip(" ")
    let isWest = skip("-")
    guard isWest || skip("+"), let hours = digits(2) else { return nil }
    _ = skip(":")
    guard let minutes = digits(2) else { return nil }
    return (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
  }
}
