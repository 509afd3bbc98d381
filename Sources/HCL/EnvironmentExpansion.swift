/// Replaces `$NAME` and `${NAME}` in a configuration file's text by environment variables (`-expandEnv`).
///
/// The rules are those of Go's `os.Expand` as SPIRE calls it: `$$` is a dollar sign, a variable that is not set is
/// empty, `${}` and an unclosed `${` vanish, and a dollar sign before anything else stays.
package enum EnvironmentExpansion {
  /// The expanded text; it is cut off behind the size that ``HCLDocument`` refuses.
  package static func expand(_ text: [UInt8], environment: [String: String]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    let lastBrace = text.lastIndex(of: UInt8(ascii: "}")) ?? -1
    var index = 0
    while index < text.count, result.count <= HCLDocument.maximumSize {
      guard text[index] == UInt8(ascii: "$"), index + 1 < text.count else {
        result.append(text[index])
        index += 1
        continue
      }
      let (name, width) = variable(text[(index + 1)...], lastBrace)
      if !name.isEmpty {
        let key = String(decoding: name, as: UTF8.self)
        result += Array((key == "$" ? "$" : environment[key] ?? "").utf8)
      } else if width == 0 {
        result.append(UInt8(ascii: "$"))
      }
      index += 1 + width
    }
    return result
  }

  /// The variable's name behind a dollar sign, and how many bytes it takes; an empty name with a width is bad syntax.
  private static func variable(_ text: ArraySlice<UInt8>, _ lastBrace: Int) -> (ArraySlice<UInt8>, Int) {
    guard let first = text.first else { return ([], 0) }
    if first == UInt8(ascii: "{") {
      let inside = text.dropFirst()
      if let special = inside.first, isSpecial(special), inside.dropFirst().first == UInt8(ascii: "}") {
        return (inside.prefix(1), 3)
      }
      guard inside.startIndex <= lastBrace, let close = inside.firstIndex(of: UInt8(ascii: "}")) else { return ([], 1) }
      return (inside[..<close], close - text.startIndex + 1)
    }
    if isSpecial(first) { return (text.prefix(1), 1) }
    let name = text.prefix { isNameByte($0) }
    return (name, name.count)
  }

  private static func isSpecial(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "*"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "@"), UInt8(ascii: "!"),
      UInt8(ascii: "?"), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "_"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: false
    }
  }
}
