package import FoundationEssentials

/// Times as HTTP headers write them (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum HTTPDate {
  private static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// `date` without its fraction.
  package static func text(_ date: Date) -> String {
    let rfc3339 = GoTime.rfc3339(date)
    let parts = rfc3339.split { "-T:Z".contains($0) }.map(String.init)
    guard parts.count == 6, let month = Int(parts[1]), (1...12).contains(month) else { return "" }
    // The first day of 1970 was a Thursday.
    let day = Int((date.timeIntervalSince1970 / 86400).rounded(.down))
    let weekday = days[((day + 3) % 7 + 7) % 7]
    return "\(weekday), \(parts[2]) \(months[month - 1]) \(parts[0]) \(parts[3]):\(parts[4]):\(parts[5]) GMT"
  }

  /// Reads the form that ``text(_:)`` writes; `nil` for everything else, the two obsolete forms included.
  package static func parse(_ text: some StringProtocol) -> Date? {
    let parts = text.split(separator: " ")
    guard parts.count == 6, parts[0].count == 4, parts[0].last == ",", days.contains(String(parts[0].dropLast())),
      parts[1].utf8.count == 2, let month = months.firstIndex(of: String(parts[2])), parts[3].utf8.count == 4,
      parts[5] == "GMT"
    else { return nil }
    let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
    return GoTime.parseRFC3339("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
  }
}
