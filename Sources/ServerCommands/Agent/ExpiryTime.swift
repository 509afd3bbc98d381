/// The form of a time that the server takes as `by_expires_before`: `2026-11-21 20:10:45 -0700 -07`.
enum ExpiryTime {
  /// The form as Go describes it.
  static let layout = "2006-01-02 15:04:05 -0700 -07"

  static func isValid(_ text: String) -> Bool {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return false }
    guard let date = numbers(parts[0], "-", [4, 2, 2]), let time = numbers(parts[1], ":", [2, 2, 2]) else {
      return false
    }
    guard (1...12).contains(date[1]), (1...days(month: date[1], year: date[0])).contains(date[2]) else { return false }
    guard time[0] < 24, time[1] < 60, time[2] < 60 else { return false }
    return isOffset(parts[2], digits: 4) && isOffset(parts[3], digits: 2)
  }

  private static func numbers(_ text: Substring, _ separator: Character, _ widths: [Int]) -> [Int]? {
    let parts = text.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == widths else { return nil }
    let numbers = parts.compactMap { $0.allSatisfy { $0.isASCII && $0.isNumber } ? Int($0) : nil }
    return numbers.count == widths.count ? numbers : nil
  }

  private static func isOffset(_ text: Substring, digits: Int) -> Bool {
    guard let sign = text.first, sign == "+" || sign == "-" else { return false }
    let rest = text.dropFirst()
    guard rest.utf8.count == digits, rest.allSatisfy({ $0.isASCII && $0.isNumber }) else { return false }
    return (Int(rest.prefix(2)) ?? 24) < 24 && (digits == 2 || (Int(rest.suffix(2)) ?? 60) < 60)
  }

  private static func days(month: Int, year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}
