/// Single values and lists of strings. A key that is absent or null reads as nil.
extension HCLSection {
  /// Text; numbers and bools are taken as they are written.
  package mutating func string(_ key: String) -> String? {
    scalar(key, "a string", Self.string)
  }

  /// An integer, quoted or not: decimal, `0x` hexadecimal, `0o` or `0` octal, `0b` binary.
  package mutating func int(_ key: String) -> Int? {
    scalar(key, "an integer") { value in
      switch value.kind {
      case .number(let text), .string(let text): Self.integer(text)
      default: nil
      }
    }
  }

  /// `true`, `false`, `1`, `0`, quoted or not.
  package mutating func bool(_ key: String) -> Bool? {
    scalar(key, "true or false") { value in
      switch value.kind {
      case .bool(let bool): return bool
      case .number(let text), .string(let text):
        if ["1", "t", "T", "true", "TRUE", "True"].contains(text) { return true }
        if ["0", "f", "F", "false", "FALSE", "False"].contains(text) { return false }
        return nil
      default: return nil
      }
    }
  }

  /// A list of texts. A single value counts as a list of one; repeated keys add up.
  package mutating func strings(_ key: String) -> [String]? {
    var result: [String]?
    for entry in take(key) {
      guard entry.keys.count == 1 else {
        mismatch(key, "a list of strings", entry.value)
        continue
      }
      switch entry.value.kind {
      case .null: continue
      case .list(let values):
        result = result ?? []
        for value in values {
          if let text = Self.string(value) {
            result?.append(text)
          } else {
            mismatch(key, "a list of strings", value)
          }
        }
      default:
        guard let text = Self.string(entry.value) else {
          mismatch(key, "a list of strings", entry.value)
          continue
        }
        result = (result ?? []) + [text]
      }
    }
    return result
  }

  private mutating func scalar<Value>(_ key: String, _ expected: String, _ read: (HCLValue) -> Value?) -> Value? {
    var result: Value?
    for entry in take(key) {
      if case .null = entry.value.kind { continue }
      guard entry.keys.count == 1, let value = read(entry.value) else {
        mismatch(key, expected, entry.value)
        continue
      }
      result = value
    }
    return result
  }

  private static func string(_ value: HCLValue) -> String? {
    switch value.kind {
    case .string(let text), .number(let text), .float(let text): text
    case .bool(let bool): bool ? "true" : "false"
    case .null, .list, .object: nil
    }
  }

  private static func integer(_ text: String) -> Int? {
    var digits = Substring(text)
    let negative = digits.first == "-"
    if negative || digits.first == "+" { digits = digits.dropFirst() }
    guard let first = digits.utf8.first, HCLLexer.isDigit(first) else { return nil }
    var radix = 10
    if first == UInt8(ascii: "0") && digits.utf8.count > 1 {
      switch digits.dropFirst().first {
      case "x", "X": (radix, digits) = (16, digits.dropFirst(2))
      case "o", "O": (radix, digits) = (8, digits.dropFirst(2))
      case "b", "B": (radix, digits) = (2, digits.dropFirst(2))
      default: (radix, digits) = (8, digits.dropFirst())
      }
    }
    guard let start = digits.utf8.first, HCLLexer.isHexDigit(start) else { return nil }
    return Int((negative ? "-" : "") + digits, radix: radix)
  }
}
