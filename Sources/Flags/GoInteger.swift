/// Integers as Go reads them with base 0: an optional sign, a base prefix, and underscores between digits.
enum GoInteger {
  static func parse<Number: FixedWidthInteger>(_ text: String) throws(FlagValueError) -> Number {
    var digits = Substring(text)
    let negative = digits.first == "-"
    if negative || digits.first == "+" { digits = digits.dropFirst() }
    var radix = 10
    var prefixed = false
    if digits.first == "0" && digits.utf8.count > 1 {
      prefixed = true
      switch digits.dropFirst().first {
      case "x", "X": (radix, digits) = (16, digits.dropFirst(2))
      case "o", "O": (radix, digits) = (8, digits.dropFirst(2))
      case "b", "B": (radix, digits) = (2, digits.dropFirst(2))
      default: (radix, digits) = (8, digits.dropFirst())
      }
    }
    guard let stripped = strip(digits, prefixed: prefixed) else { throw .syntax }
    guard stripped.utf8.allSatisfy({ isDigit($0, radix) }) else { throw .syntax }
    guard let number = Number((negative ? "-" : "") + stripped, radix: radix) else { throw .range }
    return number
  }

  /// The digits without their underscores, or nil when an underscore is not between two digits (or prefix and digit).
  private static func strip(_ digits: Substring, prefixed: Bool) -> String? {
    guard !digits.isEmpty, digits.last != "_" else { return nil }
    if digits.first == "_" && !prefixed { return nil }
    var plain = ""
    var previous: Character?
    for character in digits {
      if character == "_" {
        if previous == "_" { return nil }
      } else {
        plain.append(character)
      }
      previous = character
    }
    return plain.isEmpty ? nil : plain
  }

  private static func isDigit(_ byte: UInt8, _ radix: Int) -> Bool {
    let value: Int
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = Int(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): value = Int(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): value = Int(byte - UInt8(ascii: "A")) + 10
    default: return false
    }
    return value < radix
  }
}
