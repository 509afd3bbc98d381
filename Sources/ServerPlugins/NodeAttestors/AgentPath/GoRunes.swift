/// Text as Go's packages unicode and utf8 see it: runes in bytes that need not be UTF-8.
enum GoRunes {
  /// A rune and the bytes that it takes; U+FFFD of one byte for a byte that is no UTF-8.
  struct Rune: Sendable {
    let scalar: Unicode.Scalar
    let start: Int
    let width: Int

    var isInvalid: Bool { scalar == "\u{FFFD}" && width == 1 }
  }

  static func decode(_ bytes: [UInt8]) -> [Rune] {
    var runes: [Rune] = []
    runes.reserveCapacity(bytes.count)
    var at = 0
    while at < bytes.count {
      let (scalar, width) = first(of: bytes, at: at)
      runes.append(Rune(scalar: scalar, start: at, width: width))
      at += width
    }
    return runes
  }

  private static func first(of bytes: [UInt8], at: Int) -> (Unicode.Scalar, Int) {
    let lead = bytes[at]
    guard lead >= 0x80 else { return (Unicode.Scalar(lead), 1) }
    let width = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
    guard lead >= 0xC2, lead <= 0xF4, at + width <= bytes.count else { return ("\u{FFFD}", 1) }
    var value = UInt32(lead) & (0x7F >> UInt32(width))
    for byte in bytes[(at + 1)..<(at + width)] {
      guard byte & 0xC0 == 0x80 else { return ("\u{FFFD}", 1) }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    let least: UInt32 = width == 2 ? 0x80 : width == 3 ? 0x800 : 0x10000
    guard value >= least, let scalar = Unicode.Scalar(value) else { return ("\u{FFFD}", 1) }
    return (scalar, width)
  }

  static func encode(_ scalar: Unicode.Scalar) -> [UInt8] { Array(String(Character(scalar)).utf8) }

  /// Each rune changed, as `strings.Map` does it: bytes that are no UTF-8 become U+FFFD.
  static func map(_ bytes: [UInt8], _ change: (Unicode.Scalar) -> Unicode.Scalar) -> [UInt8] {
    decode(bytes).flatMap { encode(change($0.scalar)) }
  }

  // MARK: Classes

  static func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

  static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
    default: false
    }
  }

  static func isDigit(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .decimalNumber }

  static func isNumber(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .decimalNumber, .letterNumber, .otherNumber: true
    default: false
    }
  }

  static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      true
    default: false
    }
  }

  static func isUpper(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .uppercaseLetter }
  static func isLower(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .lowercaseLetter }
  static func isTitle(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .titlecaseLetter }

  // MARK: Cases

  static func upper(_ scalar: Unicode.Scalar) -> Unicode.Scalar { single(scalar.properties.uppercaseMapping, scalar) }
  static func lower(_ scalar: Unicode.Scalar) -> Unicode.Scalar { single(scalar.properties.lowercaseMapping, scalar) }
  static func title(_ scalar: Unicode.Scalar) -> Unicode.Scalar { single(scalar.properties.titlecaseMapping, scalar) }

  /// Go maps a rune to one rune and leaves those that would become several.
  private static func single(_ mapping: String, _ scalar: Unicode.Scalar) -> Unicode.Scalar {
    let scalars = mapping.unicodeScalars
    return scalars.count == 1 ? scalars.first ?? scalar : scalar
  }

  // MARK: Text

  /// Without white space on both sides: `strings.TrimSpace`.
  static func trimmed(_ bytes: [UInt8]) -> [UInt8] { trimmed(bytes, isSpace) }

  static func trimmed(_ bytes: [UInt8], _ isCut: (Unicode.Scalar) -> Bool) -> [UInt8] {
    let runes = decode(bytes)
    guard let first = runes.first(where: { !isCut($0.scalar) }), let last = runes.last(where: { !isCut($0.scalar) })
    else { return [] }
    return Array(bytes[first.start..<(last.start + last.width)])
  }

  /// As Go's `%#U` writes it.
  static func described(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + " '\(scalar)'"
  }
}
