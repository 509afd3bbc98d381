/// Writes values back as HCL text: what an external plugin is handed as its configuration, and quoted text in messages.
package enum HCLText {
  /// The items of `object` as HCL text, one per line; JSON's nulls are left out.
  package static func write(_ object: HCLObject) -> String {
    var text = ""
    write(object, indent: "", into: &text)
    return text
  }

  private static func write(_ object: HCLObject, indent: String, into text: inout String) {
    for item in object.items {
      if case .null = item.value.kind { continue }
      text += indent + item.keys.map { key($0.text) }.joined(separator: " ")
      if case .object = item.value.kind { text += " " } else { text += " = " }
      write(item.value, indent: indent, into: &text)
      text += "\n"
    }
  }

  private static func write(_ value: HCLValue, indent: String, into text: inout String) {
    switch value.kind {
    case .string(let string): text += quote(string)
    case .number(let number), .float(let number): text += number
    case .bool(let bool): text += bool ? "true" : "false"
    case .null: text += "\"\""
    case .list(let values):
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += ", " }
        write(value, indent: indent, into: &text)
      }
      text += "]"
    case .object(let object):
      guard object.items.contains(where: { if case .null = $0.value.kind { false } else { true } }) else {
        return text += "{}"
      }
      text += "{\n"
      write(object, indent: indent + "  ", into: &text)
      text += indent + "}"
    }
  }

  private static func key(_ text: String) -> String {
    let plain =
      !text.isEmpty && !["true", "false"].contains(text)
      && text.utf8.allSatisfy { $0 == UInt8(ascii: "_") || isLetter($0) || HCLLexer.isDigit($0) }
      && !(text.utf8.first.map(HCLLexer.isDigit) ?? true)
    return plain ? text : quote(text)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  /// `text` in double quotes, so that it reads back as the same text (a `${` too).
  package static func quote(_ text: String) -> String {
    var result = "\""
    var previous: Unicode.Scalar = " "
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "{" where previous == "$":
        result.unicodeScalars.removeLast()
        result += "\\x24{"
      default:
        if scalar.value < 0x20 || scalar.value == 0x7F {
          let digits = String(scalar.value, radix: 16)
          result += "\\x" + (digits.utf8.count < 2 ? "0" : "") + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
      previous = scalar
    }
    return result + "\""
  }
}
