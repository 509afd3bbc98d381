import FoundationEssentials

/// A moment as the database keeps it: UTC, whole seconds and nanoseconds.
struct SQLTime: Hashable, Sendable {
  /// Unix seconds.
  let seconds: Int64
  let nanoseconds: Int32

  /// A moment of Unix seconds, kept within the years 0 to 9999 that a database can hold.
  init(seconds: Int64, nanoseconds: Int32 = 0) {
    self.seconds = min(max(seconds, -62_167_219_200), 253_402_300_799)
    self.nanoseconds = nanoseconds
  }

  init(_ date: Date) {
    let interval = date.timeIntervalSince1970
    let whole = interval.rounded(.down)
    let nanoseconds = Int32(((interval - whole) * 1e9).rounded(.down))
    self.init(seconds: Int64(whole), nanoseconds: min(max(nanoseconds, 0), 999_999_999))
  }

  /// The nearest second, as SPIRE's API shows times of rows, so that databases that keep no fractions agree with others.
  var nearestSecond: Int64 { nanoseconds >= 500_000_000 ? seconds + 1 : seconds }

  /// SPIRE: the text form of SQLite rows, `2026-11-21 20:10:45.689496527+00:00`, trailing zeros of the fraction left out.
  var text: String {
    let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
    let rest = seconds - days * 86_400
    let (year, month, day) = Self.civil(days: days)
    return String(unsafeUninitializedCapacity: 40) { buffer in
      var writer = DigitWriter(buffer: buffer)
      writer.digits(year, 4)
      writer.byte("-")
      writer.digits(month, 2)
      writer.byte("-")
      writer.digits(day, 2)
      writer.byte(" ")
      writer.digits(rest / 3600, 2)
      writer.byte(":")
      writer.digits(rest / 60 % 60, 2)
      writer.byte(":")
      writer.digits(rest % 60, 2)
      if nanoseconds > 0 {
        writer.byte(".")
        writer.digits(Int64(nanoseconds), 9)
        while writer.last == UInt8(ascii: "0") { writer.count -= 1 }
      }
      for byte in "+00:00".utf8 { writer.byte(Unicode.Scalar(byte)) }
      return writer.count
    }
  }

  /// Days since 1970-01-01 to a date of the Gregorian calendar.
  private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let z = days + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
  }

  /// A date of the Gregorian calendar to days since 1970-01-01.
  static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}

/// Writes decimal digits into a buffer that is large enough for every time text.
private struct DigitWriter {
  let buffer: UnsafeMutableBufferPointer<UInt8>
  var count = 0

  var last: UInt8 { buffer[count - 1] }

  mutating func byte(_ scalar: Unicode.Scalar) {
    buffer[count] = UInt8(truncatingIfNeeded: scalar.value)
    count += 1
  }

  mutating func digits(_ value: Int64, _ width: Int) {
    var rest = value
    for index in stride(from: count + width - 1, through: count, by: -1) {
      buffer[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    count += width
  }
}
