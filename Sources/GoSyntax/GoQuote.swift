/// Texts as the Go verb `%q` prints them, for the messages that
/// clients of the established implementation may match on.
package enum GoQuote {
  /// A quoted string: `"` and `\` escaped, control and other unprintable characters as escapes.
  package static func string(_ text: String) -> String {
    var output = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\u{07}": output += "\\a"
      case "\u{08}": output += "\\b"
      case "\u{0C}": output += "\\f"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      case "\u{0B}": output += "\\v"
      default:
        if isPrintable(scalar) {
          output.unicodeScalars.append(scalar)
        } else if scalar.value < 0x80 {
          output += "\\x" + hex(scalar.value, digits: 2)
        } else if scalar.value < 0x10000 {
          output += "\\u" + hex(scalar.value, digits: 4)
        } else {
          output += "\\U" + hex(scalar.value, digits: 8)
        }
      }
    }
    return output + "\""
  }

  /// A list of quoted strings: `["a" "b"]`.
  package static func list(_ texts: [String]) -> String {
    "[" + texts.map(string).joined(separator: " ") + "]"
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x7F { return scalar.value >= 0x20 }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator, .lineSeparator, .paragraphSeparator:
      return false
    default: return true
    }
  }

  private static func hex(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}
