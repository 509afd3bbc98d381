import Daemon
package import FoundationEssentials
import Glibc

/// Times in the forms that the commands print.
package enum Times {
  /// `2026-11-22 20:10:45 +0000 UTC`, in UTC.
  package static func utc(_ seconds: Int64) -> String { utc(date(seconds)) }

  /// `2026-11-22 20:10:45 +0000 UTC`, in UTC.
  package static func utc(_ date: Date) -> String { GoTime.string(date) }

  /// `2026-11-22 21:10:45 +0100 CET`, in the time zone of this process.
  package static func local(_ seconds: Int64) -> String {
    var clock = time_t(seconds)
    var parts = tm()
    tzset()
    guard localtime_r(&clock, &parts) != nil else { return utc(seconds) }
    let offset = parts.tm_gmtoff.magnitude / 60
    let zone = parts.tm_zone.map { String(cString: $0) } ?? "UTC"
    return "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) "
      + "\(parts.tm_gmtoff < 0 ? "-" : "+")\(two(offset / 60))\(two(offset % 60)) \(zone)"
  }

  /// `2026-11-22T20:10:45Z`.
  package static func rfc3339(_ seconds: Int64) -> String { GoTime.rfc3339(date(seconds)) }

  /// A number of seconds as a duration: `1h0m6s`.
  package static func duration(seconds: some BinaryInteger) -> String { GoDuration.format(.seconds(seconds)) }

  private static func date(_ seconds: Int64) -> Date { Date(timeIntervalSince1970: TimeInterval(seconds)) }

  private static func two(_ value: some BinaryInteger) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
