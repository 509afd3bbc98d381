/// Durations as Go writes them, the syntax of all `dur` keys: `300ms`, `1h30m`, `-1.5h` (units ns, us, µs, ms, s, m, h).
package enum GoDuration {
  package struct ParseError: Error, Equatable, CustomStringConvertible {
    package let description: String
  }

  private static let units: [(name: String, nanoseconds: UInt64)] = [
    ("ns", 1), ("us", 1000), ("\u{b5}s", 1000), ("\u{3bc}s", 1000), ("ms", 1_000_000), ("s", 1_000_000_000),
    ("m", 60_000_000_000), ("h", 3_600_000_000_000),
  ]

  /// Parses `text` by the rules of Go's `time.ParseDuration`, with its error texts.
  package static func parse(_ text: String) throws(ParseError) -> Duration {
    let invalid = ParseError(description: "time: invalid duration \(quote(text))")
    var rest = Substring(text)
    let isNegative = rest.first == "-"
    if rest.first == "-" || rest.first == "+" { rest = rest.dropFirst() }
    if rest == "0" { return .zero }
    guard !rest.isEmpty else { throw invalid }
    var total: UInt64 = 0
    while !rest.isEmpty {
      let whole = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(whole.count)
      var fraction = Substring()
      if rest.first == "." {
        rest = rest.dropFirst()
        fraction = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(fraction.count)
      }
      guard !whole.isEmpty || !fraction.isEmpty else { throw invalid }
      let name = rest.prefix { $0 != "." && !($0.isASCII && $0.isNumber) }
      rest = rest.dropFirst(name.count)
      guard !name.isEmpty else { throw ParseError(description: "time: missing unit in duration \(quote(text))") }
      guard let unit = units.first(where: { $0.name == name }) else {
        throw ParseError(
          description: "time: unknown unit \(quote(String(name))) in duration \(quote(text))")
      }
      guard let amount = nanoseconds(whole: whole, fraction: fraction, unit: unit.nanoseconds) else { throw invalid }
      let (sum, overflow) = total.addingReportingOverflow(amount)
      guard !overflow, sum <= 1 << 63 else { throw invalid }
      total = sum
    }
    if isNegative { return .nanoseconds(total == 1 << 63 ? Int64.min : -Int64(total)) }
    guard total <= UInt64(Int64.max) else { throw invalid }
    return .nanoseconds(Int64(total))
  }

  private static func nanoseconds(whole: Substring, fraction: Substring, unit: UInt64) -> UInt64? {
    guard let count = whole.isEmpty ? 0 : UInt64(whole) else { return nil }
    let (product, overflow) = count.multipliedReportingOverflow(by: unit)
    guard !overflow, product <= 1 << 63 else { return nil }
    var numerator: UInt64 = 0
    var scale = 1.0
    for digit in fraction.utf8 {
      // Further digits change nothing that a nanosecond can show.
      guard numerator <= (UInt64(Int64.max) - 9) / 10 else { break }
      numerator = numerator * 10 + UInt64(digit - UInt8(ascii: "0"))
      scale *= 10
    }
    return product + UInt64(Double(numerator) * (Double(unit) / scale))
  }

  /// Writes `duration` as Go's `Duration.String` does: `1h30m0s`, `1.5ms`, `0s`.
  package static func format(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflow2) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    let total = overflow || overflow2 ? (seconds < 0 ? Int64.min : Int64.max) : sum
    guard total != 0 else { return "0s" }
    let sign = total < 0 ? "-" : ""
    let magnitude = total.magnitude
    if magnitude < 1_000_000_000 {
      if magnitude < 1000 { return "\(sign)\(magnitude)ns" }
      if magnitude < 1_000_000 { return "\(sign)\(decimal(magnitude, digits: 3))\u{b5}s" }
      return "\(sign)\(decimal(magnitude, digits: 6))ms"
    }
    let inSeconds = magnitude / 1_000_000_000
    let remainder = decimal(magnitude % 60_000_000_000, digits: 9) + "s"
    let minutes = inSeconds / 60
    if minutes == 0 { return sign + remainder }
    if minutes < 60 { return "\(sign)\(minutes)m\(remainder)" }
    return "\(sign)\(minutes / 60)h\(minutes % 60)m\(remainder)"
  }

  /// `value` with its last `digits` digits behind the point, without trailing zeros.
  private static func decimal(_ value: UInt64, digits: Int) -> String {
    var scale: UInt64 = 1
    for _ in 0..<digits { scale *= 10 }
    var fraction = String(value % scale)
    fraction = String(repeating: "0", count: digits - fraction.count) + fraction
    while fraction.last == "0" { fraction.removeLast() }
    return fraction.isEmpty ? "\(value / scale)" : "\(value / scale).\(fraction)"
  }

  private static func quote(_ text: String) -> String { GoText.quote(text) }
}
