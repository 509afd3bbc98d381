package import FoundationEssentials
import Glibc

/// Points in time as Go writes and reads them, without ICU.
package enum GoTime {
  /// Go's `Time.String` in UTC: `2026-11-21 20:10:45.573145157 +0000 UTC`, the fraction without trailing zeros.
  package static func string(_ date: Date) -> String {
    let moment = Moment(date, isLocal: false)
    return "\(moment.day) \(moment.time)\(fraction(moment.nanoseconds)) +0000 UTC"
  }

  /// RFC 3339 in UTC, `2026-11-21T20:10:45Z`; with `nanos` the fraction without trailing zeros (RFC3339Nano).
  package static func rfc3339(_ date: Date, nanos: Bool = false, isLocal: Bool = false) -> String {
    let moment = Moment(date, isLocal: isLocal)
    return "\(moment.day)T\(moment.time)\(nanos ? fraction(moment.nanoseconds) : "")\(zone(moment.offset))"
  }

  /// Reads RFC 3339 text, with or without a fraction. `nil` if it is anything else.
  package static func parseRFC3339(_ text: String) -> Date? {
    let bytes = Array(text.utf8)
    func number(_ from: Int, _ count: Int) -> Int? {
      guard from + count <= bytes.count else { return nil }
      var value = 0
      for byte in bytes[from..<(from + count)] {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int(byte - UInt8(ascii: "0"))
      }
      return value
    }
    func has(_ byte: String, at index: Int) -> Bool { index < bytes.count && bytes[index] == byte.utf8.first }
    guard let year = number(0, 4), has("-", at: 4), let month = number(5, 2), has("-", at: 7), let day = number(8, 2),
      has("T", at: 10), let hour = number(11, 2), has(":", at: 13), let minute = number(14, 2), has(":", at: 16),
      let second = number(17, 2), (1...12).contains(month), hour < 24, minute < 60, second < 60,
      (1...daysIn(month, year)).contains(day)
    else { return nil }
    var index = 19
    var nanoseconds = 0.0
    if has(".", at: index) {
      var scale = 0.1
      index += 1
      let start = index
      while let digit = number(index, 1) {
        nanoseconds += Double(digit) * scale
        scale /= 10
        index += 1
      }
      guard index > start else { return nil }
    }
    guard let offset = zoneOffset(bytes, index, number) else { return nil }
    let seconds = daysFromEpoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    return Date(timeIntervalSinceReferenceDate: Double(seconds - 978_307_200) + nanoseconds)
  }

  private static func zoneOffset(_ bytes: [UInt8], _ index: Int, _ number: (Int, Int) -> Int?) -> Int? {
    guard index < bytes.count else { return nil }
    if bytes[index] == UInt8(ascii: "Z") { return index + 1 == bytes.count ? 0 : nil }
    let sign = bytes[index] == UInt8(ascii: "+") ? 1 : bytes[index] == UInt8(ascii: "-") ? -1 : 0
    guard sign != 0, index + 6 == bytes.count, bytes[index + 3] == UInt8(ascii: ":"), let hours = number(index + 1, 2),
      let minutes = number(index + 4, 2), hours < 24, minutes < 60
    else { return nil }
    return sign * (hours * 3600 + minutes * 60)
  }

  private static func daysIn(_ month: Int, _ year: Int) -> Int {
    if month == 2 { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28 }
    return [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  /// Days from 1970-01-01 in the proleptic Gregorian calendar.
  private static func daysFromEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let ofEra = y - era * 400
    let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
  }

  private static func fraction(_ nanoseconds: Int) -> String {
    guard nanoseconds > 0 else { return "" }
    var digits = String(nanoseconds)
    digits = String(repeating: "0", count: 9 - digits.count) + digits
    while digits.last == "0" { digits.removeLast() }
    return "." + digits
  }

  private static func zone(_ offset: Int) -> String {
    guard offset != 0 else { return "Z" }
    let minutes = offset.magnitude / 60
    return "\(offset < 0 ? "-" : "+")\(two(Int(minutes / 60))):\(two(Int(minutes % 60)))"
  }

  private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  /// A date broken into its parts.
  private struct Moment {
    let day: String
    let time: String
    let nanoseconds: Int
    /// Seconds east of UTC.
    let offset: Int

    /// How far from 2001 the C library's calendar is used, in seconds: its years are 32 bits wide.
    private static let limit = 6e16

    init(_ date: Date, isLocal: Bool) {
      // A Date counts from 2001; near that it is more exact than from 1970. Peers may send any number as a time: one
      // beyond the calendar counts as its end.
      let given = date.timeIntervalSinceReferenceDate
      let interval = given.isNaN ? 0 : min(max(given, -Self.limit), Self.limit)
      var seconds = interval.rounded(.down)
      var nanoseconds = Int(((interval - seconds) * 1e9).rounded())
      if nanoseconds >= 1_000_000_000 {
        seconds += 1
        nanoseconds = 0
      }
      self.nanoseconds = nanoseconds
      var clock = time_t(seconds) + 978_307_200
      var parts = tm()
      if isLocal { localtime_r(&clock, &parts) } else { gmtime_r(&clock, &parts) }
      let year = String(Int(parts.tm_year) + 1900)
      day =
        String(repeating: "0", count: max(0, 4 - year.count)) + year
        + "-\(GoTime.two(Int(parts.tm_mon) + 1))-\(GoTime.two(Int(parts.tm_mday)))"
      time = "\(GoTime.two(Int(parts.tm_hour))):\(GoTime.two(Int(parts.tm_min))):\(GoTime.two(Int(parts.tm_sec)))"
      offset = isLocal ? Int(parts.tm_gmtoff) : 0
    }
  }
}
