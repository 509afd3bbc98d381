/// Numbers of a template, in Go's syntax.
enum TemplateNumber {
  /// nil for what is no number, or an imaginary one.
  static func value(_ text: String) -> TemplateValue? {
    guard !text.hasPrefix("_"), !text.hasSuffix("_"), !text.contains("__") else { return nil }
    var digits = text[...]
    let isNegative = digits.hasPrefix("-")
    if isNegative || digits.hasPrefix("+") { digits = digits.dropFirst() }
    guard let first = digits.utf8.first, first == UInt8(ascii: ".") || (0x30...0x39).contains(first) else { return nil }
    let plain = digits.lowercased().filter { $0 != "_" }
    let isHex = plain.hasPrefix("0x")
    if plain.contains(".") || plain.contains(isHex ? "p" : "e") && !plain.hasPrefix("0b") && !plain.hasPrefix("0o") {
      // What Swift takes and Go's template does not: infinities and names of no number, which have no digit in front.
      guard let value = Double((isNegative ? "-" : "") + padded(plain)), value.isFinite else { return nil }
      return .float(value)
    }
    let magnitude: UInt?
    if isHex {
      magnitude = UInt(plain.dropFirst(2), radix: 16)
    } else if plain.hasPrefix("0b") {
      magnitude = UInt(plain.dropFirst(2), radix: 2)
    } else if plain.hasPrefix("0o") {
      magnitude = UInt(plain.dropFirst(2), radix: 8)
    } else if plain.count > 1, plain.hasPrefix("0") {
      magnitude = UInt(plain.dropFirst(), radix: 8)
    } else {
      magnitude = UInt(plain)
    }
    guard let magnitude else { return nil }
    if isNegative { return magnitude <= Int.min.magnitude ? .integer(Int(truncatingIfNeeded: 0 &- magnitude)) : nil }
    return Int(exactly: magnitude).map { .integer($0) }
  }

  /// `.5` and `1.` as Swift reads them.
  private static func padded(_ text: String) -> String {
    var result = text.hasPrefix(".") ? "0" + text : text
    if let point = result.firstIndex(of: ".") {
      let after = result.index(after: point)
      if after == result.endIndex || !result[after].isHexDigit || result[after] == "e" && !result.hasPrefix("0x") {
        result.insert("0", at: after)
      }
    }
    return result
  }
}
