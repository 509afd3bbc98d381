import Glibc
import GoSyntax

/// Values as Go's `fmt` prints them, for log lines and messages that must read as upstream's.
package enum GoText {
  /// `%q`: in double quotes, with Go's escapes. Printable characters of any script stay.
  package static func quote(_ text: String) -> String { GoQuote.string(text) }

  /// `%v` of a float64: the shortest form that reads back, with an exponent only below 1e-4 and from 1e21.
  package static func float(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if value == 0 { return value.sign == .minus ? "-0" : "0" }
    let text = "\(value.magnitude)"
    let parts = text.split(separator: "e", maxSplits: 1)
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    var digits = String(mantissa[0]) + (mantissa.count > 1 ? String(mantissa[1]) : "")
    var point = mantissa[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    while digits.first == "0" && digits.count > 1 {
      digits.removeFirst()
      point -= 1
    }
    while digits.last == "0" && digits.count > 1 { digits.removeLast() }
    let sign = value < 0 ? "-" : ""
    let exponent = point - 1
    if exponent < -4 || exponent >= 21 {
      let tail = digits.dropFirst().isEmpty ? "" : "." + digits.dropFirst()
      let size = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
      return "\(sign)\(digits.prefix(1))\(tail)e\(exponent < 0 ? "-" : "+")\(size)"
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if point >= digits.count { return sign + digits + String(repeating: "0", count: point - digits.count) }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }

  /// `%0.3f`.
  package static func fixed(_ value: Double, decimals: Int = 3) -> String {
    guard value.isFinite else { return float(value) }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded(.toNearestOrEven)
    guard scaled < 1e18 else { return float(value) }
    let whole = UInt64(scaled)
    let fraction = String(whole % UInt64(scale))
    let padding = String(repeating: "0", count: decimals - fraction.count)
    return "\(value < 0 && whole > 0 ? "-" : "")\(whole / UInt64(scale)).\(padding)\(fraction)"
  }

  /// The text of an errno value: `no such file or directory`.
  package static func errno(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // `I/O error` keeps its capitals.
    guard let second = text.dropFirst().first, second.isLowercase || second == " " else { return text }
    return text.prefix(1).lowercased() + text.dropFirst()
  }

  static func hex(_ value: UInt32, _ width: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
}
