import Daemon
import Glibc

/// Go's `fmt.Sprintf` on the values of templates: all verbs and flags but `%#v`, `%p` and those for other kinds. One use per
/// call of `printf`.
struct GoFormat {
  private static let maximumWidth = 1000

  let arguments: [TemplateValue]
  var memory: TemplateMemory
  /// Characters came out of numbers.
  private(set) var madeCharacters = false
  private var next = 0
  private var reordered = false

  init(arguments: [TemplateValue], memory: TemplateMemory) {
    self.arguments = arguments
    self.memory = memory
  }

  /// What stands between the percent sign and the verb.
  struct Flags {
    var (minus, plus, sharp, space, zero) = (false, false, false, false, false)
    var width: Int?
    var precision: Int?
  }

  mutating func text(_ format: [UInt8]) throws(TemplateError) -> [UInt8] {
    var result: [UInt8] = []
    var rest = GoRunes.decode(format)[...]
    while let rune = rest.popFirst() {
      guard rune.scalar == "%" else {
        result += format[rune.start..<(rune.start + rune.width)]
        continue
      }
      result += try directive(&rest)
      guard result.count <= 2 * TemplateMemory.maximumText else { throw TemplateFunctions.tooLong }
    }
    if !reordered, next < arguments.count {
      var extra: [String] = []
      for value in arguments[next...] { extra.append(try Self.typed(value, &memory)) }
      result += Array("%!(EXTRA \(extra.joined(separator: ", ")))".utf8)
    }
    return result
  }

  /// One directive behind its percent sign.
  private mutating func directive(_ rest: inout ArraySlice<GoRunes.Rune>) throws(TemplateError) -> [UInt8] {
    var flags = Flags()
    while let scalar = rest.first?.scalar, "-+# 0".unicodeScalars.contains(scalar) {
      switch scalar {
      case "-": (flags.minus, flags.zero) = (true, false)
      case "+": flags.plus = true
      case "#": flags.sharp = true
      case " ": flags.space = true
      default: flags.zero = !flags.minus
      }
      rest = rest.dropFirst()
    }
    var isBad = try !takeIndex(&rest)
    flags.width = try number(&rest, "WIDTH", &isBad)
    if let width = flags.width, width < 0 {
      flags.width = -width
      (flags.minus, flags.zero) = (true, false)
    }
    if rest.first?.scalar == "." {
      rest = rest.dropFirst()
      isBad = try !takeIndex(&rest) || isBad
      flags.precision = try number(&rest, "PREC", &isBad) ?? 0
      if let precision = flags.precision, precision < 0 { flags.precision = nil }
    }
    isBad = try !takeIndex(&rest) || isBad
    guard let verb = rest.popFirst()?.scalar else { return Array("%!(NOVERB)".utf8) }
    if verb == "%" { return [0x25] }
    if isBad { return Array("%!\(verb)(BADINDEX)".utf8) }
    guard next < arguments.count else { return Array("%!\(verb)(MISSING)".utf8) }
    let value = arguments[next]
    next += 1
    if verb == "T" { return Self.padded(Array(value.type.utf8), flags) }
    if verb == "v", flags.plus { flags.plus = false }
    return try shown(value, verb, flags)
  }

  /// A number or an asterisk; nil for neither.
  private mutating func number(
    _ rest: inout ArraySlice<GoRunes.Rune>, _ name: String, _ isBad: inout Bool
  ) throws(TemplateError) -> Int? {
    if rest.first?.scalar == "*" {
      rest = rest.dropFirst()
      guard next < arguments.count, case .integer(let number) = arguments[next], abs(number) <= Self.maximumWidth else {
        throw TemplateError("%!(BAD\(name))")
      }
      next += 1
      return number
    }
    let digits = rest.prefix { ("0"..."9").contains($0.scalar) }
    guard !digits.isEmpty else { return nil }
    rest = rest.dropFirst(digits.count)
    let text = String(decoding: digits.map { UInt8($0.scalar.value) }, as: UTF8.self)
    guard let number = Int(text), number <= Self.maximumWidth else { throw TemplateError("%!(BAD\(name))") }
    return number
  }

  /// `[3]`: the argument that is next. False for one that is not there.
  private mutating func takeIndex(_ rest: inout ArraySlice<GoRunes.Rune>) throws(TemplateError) -> Bool {
    guard rest.first?.scalar == "[" else { return true }
    let digits = rest.dropFirst().prefix { $0.scalar != "]" }
    rest = rest.dropFirst(digits.count + 2)
    reordered = true
    let text = String(decoding: digits.flatMap { GoRunes.encode($0.scalar) }, as: UTF8.self)
    guard let number = Int(text), (1...max(arguments.count, 1)).contains(number), number <= arguments.count else {
      return false
    }
    next = number - 1
    return true
  }

  // MARK: Values

  private mutating func shown(
    _ value: TemplateValue, _ verb: Unicode.Scalar, _ flags: Flags, depth: Int = 0
  ) throws(TemplateError) -> [UInt8] {
    guard depth <= TemplateMemory.maximumDepth else { throw TemplateError("values are nested too deeply") }
    guard !(verb == "v" && flags.sharp), verb != "p" else { throw TemplateError("%\(verb) is not for templates") }
    try memory.spend(1 + (flags.width ?? 0) / 8)
    switch value {
    case .none where verb == "v": return Self.padded(Array("<nil>".utf8), flags)
    case .none: return Array("%!\(verb)(<nil>)".utf8)
    case .bool(let bool) where verb == "v" || verb == "t": return Self.padded(Array("\(bool)".utf8), flags)
    case .integer(let number):
      if verb == "c" || verb == "q" { madeCharacters = true }
      if let text = Self.integer(number, verb, flags) { return text }
    case .float(let number):
      if let text = Self.float(number, verb, flags) { return text }
    case .string(let text):
      if let text = Self.string(text.bytes, verb, flags) { return text }
    case .bytes(let bytes) where "sxXq".unicodeScalars.contains(verb):
      if let text = Self.string(bytes, verb, flags) { return text }
    case .bytes(let bytes): return try list(bytes.map { .integer(Int($0)) }, verb, flags, depth)
    case .items(let items, _): return try list(items, verb, flags, depth)
    case .members(let members) where members.isStructure:
      if let number = members.number { return try Self.large(number, members.shown ?? "", verb, flags) }
      if let shown = members.shown, let text = Self.string(Array(shown.utf8), verb, flags) { return text }
      throw TemplateError("this has fields and no text of its own")
    case .members, .dictionary:
      var parts: [[UInt8]] = []
      for entry in try memory.entries(of: value) ?? [] {
        let key = try shown(.string(entry.key), verb, flags, depth: depth + 1)
        parts.append(key + [0x3A] + (try shown(entry.value, verb, flags, depth: depth + 1)))
      }
      return Array("map[".utf8) + parts.joined(separator: [0x20]) + [0x5D]
    default: break
    }
    if case .float = value, verb == "x" || verb == "X" || verb == "b" {
      throw TemplateError("%\(verb) is not there for numbers with a point")
    }
    return Array("%!\(verb)(\(value.type)=".utf8) + (try shown(value, "v", flags, depth: depth + 1)) + [0x29]
  }

  private mutating func list(
    _ items: [TemplateValue], _ verb: Unicode.Scalar, _ flags: Flags, _ depth: Int
  ) throws(TemplateError) -> [UInt8] {
    var parts: [[UInt8]] = []
    for item in items { parts.append(try shown(item, verb, flags, depth: depth + 1)) }
    return [0x5B] + parts.joined(separator: [0x20]) + [0x5D]
  }

  /// `int=3`, as messages about a wrong verb have it.
  private static func typed(_ value: TemplateValue, _ memory: inout TemplateMemory) throws(TemplateError) -> String {
    if case .none = value { return "<nil>" }
    return "\(value.type)=\(String(decoding: try memory.printed(value), as: UTF8.self))"
  }

  // MARK: Kinds

  static func padded(_ text: [UInt8], _ flags: Flags) -> [UInt8] {
    let missing = max(0, (flags.width ?? 0) - GoRunes.decode(text).count)
    if flags.minus { return text + [UInt8](repeating: 0x20, count: missing) }
    return [UInt8](repeating: flags.zero ? 0x30 : 0x20, count: missing) + text
  }

  private static func integer(_ number: Int, _ verb: Unicode.Scalar, _ flags: Flags) -> [UInt8]? {
    let radix: Int
    var prefix = ""
    switch verb {
    case "v", "d": radix = 10
    case "b": (radix, prefix) = (2, flags.sharp ? "0b" : "")
    case "o": (radix, prefix) = (8, flags.sharp ? "0" : "")
    case "O": (radix, prefix) = (8, "0o")
    case "x": (radix, prefix) = (16, flags.sharp ? "0x" : "")
    case "X": (radix, prefix) = (16, flags.sharp ? "0X" : "")
    case "c": return padded(GoRunes.encode(character(number)), flags)
    case "q":
      let quoted = quoted(GoRunes.encode(character(number)))
      let text =
        character(number) == "'" ? "'\\''" : "'" + quoted.dropFirst().dropLast().replacing("\\\"", with: "\"") + "'"
      return padded(Array(text.utf8), flags)
    case "U":
      let digits = hex(UInt32(truncatingIfNeeded: number), 4)
      var plain = flags
      plain.zero = false
      return padded(Array(("U+" + digits + (flags.sharp ? " '\(character(number))'" : "")).utf8), plain)
    default: return nil
    }
    if flags.precision == 0, number == 0 {
      var plain = flags
      plain.zero = false
      return padded([], plain)
    }
    var digits = String(number.magnitude, radix: radix, uppercase: verb == "X")
    let sign = number < 0 ? "-" : flags.plus ? "+" : flags.space ? " " : ""
    var least = flags.precision ?? 0
    if flags.precision == nil, flags.zero, !flags.minus { least = (flags.width ?? 0) - sign.count }
    digits = String(repeating: "0", count: max(0, least - digits.count)) + digits
    if verb == "o", prefix == "0", digits.hasPrefix("0") { prefix = "" }
    var plain = flags
    plain.zero = false
    return padded(Array((sign + prefix + digits).utf8), plain)
  }

  /// A whole number of any size: decimal, or hexadecimal without zeros in front.
  private static func large(
    _ bytes: [UInt8], _ decimal: String, _ verb: Unicode.Scalar, _ flags: Flags
  ) throws(TemplateError) -> [UInt8] {
    switch verb {
    case "v", "d", "s": return padded(Array(decimal.utf8), flags)
    case "x", "X":
      let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: verb == "X") }.joined()
      let number = digits.drop { $0 == "0" }
      let prefix = flags.sharp ? "0\(verb)" : ""
      return padded(Array((prefix + (number.isEmpty ? "0" : number)).utf8), flags)
    default: throw TemplateError("%\(verb) is not for a serial number")
    }
  }

  private static func character(_ number: Int) -> Unicode.Scalar {
    UInt32(exactly: number).flatMap { Unicode.Scalar($0) } ?? "\u{FFFD}"
  }

  private static func float(_ number: Double, _ verb: Unicode.Scalar, _ flags: Flags) -> [UInt8]? {
    var text: String
    switch verb {
    case "v", "g", "G":
      text = flags.precision.map { printed("g", number, min($0, 100)) } ?? shortest(number)
      if verb == "G" { text = text.uppercased() }
    case "e", "E", "f", "F":
      let kind = verb == "F" ? "f" : String(verb)
      text = printed(kind, number, min(flags.precision ?? 6, 100))
    default: return nil
    }
    if !text.hasPrefix("-") { text = (flags.plus ? "+" : flags.space ? " " : "") + text }
    if flags.zero, !flags.minus, let width = flags.width, number.isFinite {
      let sign = text.prefix { "+- ".contains($0) }
      let zeros = String(repeating: "0", count: max(0, width - text.count))
      text = sign + zeros + text.dropFirst(sign.count)
    }
    var plain = flags
    plain.zero = false
    return padded(Array(text.utf8), plain)
  }

  private static func printed(_ kind: String, _ number: Double, _ precision: Int) -> String {
    guard number.isFinite else { return shortest(number) }
    var buffer = [CChar](repeating: 0, count: 512)
    let count = withVaList([number]) { vsnprintf(&buffer, 512, "%.\(precision)\(kind)", $0) }
    return String(decoding: buffer.prefix(Int(max(0, min(count, 511)))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func string(_ text: [UInt8], _ verb: Unicode.Scalar, _ flags: Flags) -> [UInt8]? {
    var text = text
    if let precision = flags.precision {
      let runes = GoRunes.decode(text)
      if verb == "x" || verb == "X" {
        text = Array(text.prefix(precision))
      } else if precision < runes.count {
        text = Array(text[..<runes[precision].start])
      }
    }
    switch verb {
    case "v", "s": return padded(text, flags)
    case "q":
      let isRaw = flags.sharp && !text.contains { $0 == 0x60 || $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }
      return padded(isRaw ? [0x60] + text + [0x60] : Array(quoted(text).utf8), flags)
    case "x", "X":
      let prefix = verb == "x" ? "0x" : "0X"
      let digits = text.map {
        (flags.sharp && flags.space ? prefix : "") + ($0 < 16 ? "0" : "")
          + String($0, radix: 16, uppercase: verb == "X")
      }
      let joined = digits.joined(separator: flags.space ? " " : "")
      return padded(Array(((flags.sharp && !flags.space && !joined.isEmpty ? prefix : "") + joined).utf8), flags)
    default: return nil
    }
  }

  // MARK: Text

  /// `%v` of a number with a point: with an exponent from a million on, and below 1e-4.
  static func shortest(_ number: Double) -> String {
    let text = GoText.float(number)
    guard number.isFinite, number.magnitude >= 1e6, !text.contains("e") else { return text }
    let parts = text.drop { $0 == "-" }.split(separator: ".")
    var digits = parts.joined()
    while digits.last == "0" { digits.removeLast() }
    let exponent = (parts.first?.count ?? 1) - 1
    let tail = digits.count > 1 ? "." + digits.dropFirst() : ""
    return "\(number < 0 ? "-" : "")\(digits.prefix(1))\(tail)e+\(exponent < 10 ? "0" : "")\(exponent)"
  }

  /// `%q`. Bytes that are no UTF-8 are written in hexadecimal.
  static func quoted(_ text: [UInt8]) -> String {
    let runes = GoRunes.decode(text)
    guard runes.contains(where: \.isInvalid) else { return GoText.quote(String(decoding: text, as: UTF8.self)) }
    return "\""
      + runes.map { rune in
        rune.isInvalid
          ? "\\x" + hex(UInt32(text[rune.start]), 2).lowercased()
          : String(GoText.quote(String(rune.scalar)).dropFirst().dropLast())
      }.joined() + "\""
  }

  static func hex(_ value: UInt32, _ width: Int) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  static func isPrintable(_ scalar: Unicode.Scalar) -> Bool { !GoText.quote(String(scalar)).hasPrefix("\"\\") }

  /// `fmt.Sprint`: a space between two values of which neither is text. One text alone stays as it is.
  static func joined(_ values: [TemplateValue], _ call: inout TemplateCall) throws(TemplateError) -> [UInt8] {
    var result: [UInt8] = []
    var wasText = true
    for value in values {
      let isText = if case .string = value { true } else { false }
      if !isText, !wasText { result.append(0x20) }
      wasText = isText
      result += try call.memory.printed(value)
    }
    return result
  }
}
