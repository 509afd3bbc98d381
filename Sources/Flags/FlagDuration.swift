/// Durations as Go writes them (`1h30m`, `1.5s`, `300ms`): read from a flag, and shown as a flag's default.
enum FlagDuration {
  private static let units: [(String, Int64)] = [
    ("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
    ("m", 60_000_000_000), ("h", 3_600_000_000_000),
  ]

  /// The duration that `text` names, or nil. The range is Go's: 64 bits of nanoseconds.
  static func parse(_ text: String) -> Duration? {
    var rest = Substring(text)
    let negative = rest.first == "-"
    if negative || rest.first == "+" { rest = rest.dropFirst() }
    if rest == "0" { return .zero }
    guard !rest.isEmpty else { return nil }
    var total: UInt64 = 0
    while !rest.isEmpty {
      let whole = rest.prefix(while: { $0.isASCII && $0.isNumber })
      rest = rest.dropFirst(whole.count)
      var fraction = Substring()
      if rest.first == "." {
        rest = rest.dropFirst()
        fraction = rest.prefix(while: { $0.isASCII && $0.isNumber })
        rest = rest.dropFirst(fraction.count)
      }
      if whole.isEmpty && fraction.isEmpty { return nil }
      let unit = rest.prefix(while: { $0 != "." && !($0.isASCII && $0.isNumber) })
      rest = rest.dropFirst(unit.count)
      guard let scale = units.first(where: { $0.0 == String(unit) })?.1,
        let count = whole.isEmpty ? 0 : UInt64(whole)
      else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: UInt64(scale))
      let part = fraction.isEmpty ? 0 : UInt64((Double("0." + fraction) ?? 0) * Double(scale))
      let (sum, overflow2) = product.addingReportingOverflow(part)
      let (next, overflow3) = total.addingReportingOverflow(sum)
      if overflow || overflow2 || overflow3 || next > UInt64(Int64.max) + (negative ? 1 : 0) { return nil }
      total = next
    }
    if negative { return .nanoseconds(total == UInt64(Int64.max) + 1 ? Int64.min : -Int64(total)) }
    return .nanoseconds(Int64(total))
  }

  /// The duration as Go prints it: `10m0s`, `1.5s`, `250ms`, `0s`.
  static func format(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let sign = seconds < 0 || attoseconds < 0 ? "-" : ""
    let whole = seconds.magnitude
    let nanoseconds = attoseconds.magnitude / 1_000_000_000
    if whole == 0 {
      switch nanoseconds {
      case 0: return "0s"
      case ..<1_000: return "\(sign)\(nanoseconds)ns"
      case ..<1_000_000: return sign + decimal(nanoseconds / 1_000, nanoseconds % 1_000, 3) + "µs"
      default: return sign + decimal(nanoseconds / 1_000_000, nanoseconds % 1_000_000, 6) + "ms"
      }
    }
    var text = decimal(whole % 60, nanoseconds, 9) + "s"
    if whole >= 60 { text = "\(whole / 60 % 60)m" + text }
    if whole >= 3600 { text = "\(whole / 3600)h" + text }
    return sign + text
  }

  private static func decimal(_ whole: UInt64, _ fraction: UInt64, _ width: Int) -> String {
    if fraction == 0 { return "\(whole)" }
    var digits = String(fraction)
    digits = String(repeating: "0", count: width - digits.utf8.count) + digits
    while digits.last == "0" { digits.removeLast() }
    return "\(whole).\(digits)"
  }
}
