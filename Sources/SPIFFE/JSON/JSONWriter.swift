/// Writes JSON text as Go's encoder does, so that documents and tokens are the same bytes. Called by ``JSONValue``.
struct JSONWriter {
  private(set) var output: [UInt8] = []
  private let style: JSONStyle
  private var depth = 0

  init(style: JSONStyle) { self.style = style }

  mutating func write(_ value: JSONValue) {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .int(let value): append(String(value))
    case .double(let value): append(Self.number(value))
    case .string(let value): writeString(value)
    case .array(let items):
      group("[", "]", items) { writer, item in writer.write(item) }
    case .object(let object):
      let members = style.sortsMembers ? object.members.sorted(by: Self.precedes) : object.members
      group("{", "}", members) { writer, member in
        writer.writeString(member.name)
        writer.append(writer.style.indentation == nil ? ":" : ": ")
        writer.write(member.value)
      }
    }
  }

  private static func precedes(_ a: JSONObject.Member, _ b: JSONObject.Member) -> Bool {
    a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
  }

  private mutating func append(_ text: String) { output.append(contentsOf: text.utf8) }

  private mutating func group<Item>(
    _ open: String, _ close: String, _ items: [Item], _ body: (inout JSONWriter, Item) -> Void
  ) {
    append(open)
    depth += 1
    for (index, item) in items.enumerated() {
      if index > 0 { append(",") }
      newLine()
      body(&self, item)
    }
    depth -= 1
    if !items.isEmpty { newLine() }
    append(close)
  }

  private mutating func newLine() {
    guard let indentation = style.indentation else { return }
    output.append(0x0A)
    output.append(contentsOf: repeatElement(0x20, count: max(0, indentation) * depth))
  }

  private mutating func writeString(_ text: String) {
    output.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: append("\\\"")
      case 0x5C: append("\\\\")
      case 0x08: append("\\b")
      case 0x0C: append("\\f")
      case 0x0A: append("\\n")
      case 0x0D: append("\\r")
      case 0x09: append("\\t")
      case 0x3C, 0x3E, 0x26: style.escapesHTML ? escape(scalar.value) : output.append(UInt8(scalar.value))
      case 0..<0x20, 0x2028, 0x2029: escape(scalar.value)
      case 0..<0x80: output.append(UInt8(scalar.value))
      default: output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
    }
    output.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ value: UInt32) {
    let text = String(value, radix: 16)
    append("\\u" + String(repeating: "0", count: max(0, 4 - text.utf8.count)) + text)
  }

  /// The shortest text that reads back as `value`: plain from 1e-6 up to 1e21, with an exponent outside; `null` for
  /// what JSON cannot express.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "null" }
    let (digits, point) = decimal(value.magnitude)
    let sign = value.sign == .minus ? "-" : ""
    if value == 0 { return sign + "0" }
    if value.magnitude < 1e-6 || value.magnitude >= 1e21 {
      let fraction = digits.dropFirst()
      let exponent = point - 1
      return sign + digits.prefix(1) + (fraction.isEmpty ? "" : "." + fraction) + "e" + (exponent < 0 ? "-" : "+")
        + String(exponent.magnitude)
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if point >= digits.utf8.count {
      return sign + digits + String(repeating: "0", count: point - digits.utf8.count)
    }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }

  /// The significant digits of `value` and where the decimal point stands relative to their start.
  private static func decimal(_ value: Double) -> (digits: String, point: Int) {
    let parts = value.description.split(separator: "e")
    let mantissa = parts.first.map(String.init) ?? "0"
    let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let halves = mantissa.split(separator: ".", omittingEmptySubsequences: false)
    let whole = halves.first.map(String.init) ?? ""
    let fraction = halves.count > 1 ? String(halves[1]) : ""
    let all = whole + fraction
    let leading = all.prefix { $0 == "0" }.count
    var digits = String(all.dropFirst(leading))
    while digits.last == "0" { digits.removeLast() }
    return (digits.isEmpty ? "0" : digits, whole.utf8.count - leading + exponent)
  }
}
