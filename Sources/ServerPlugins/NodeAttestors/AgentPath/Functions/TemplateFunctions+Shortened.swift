/// Functions of sprig that cut and wrap text. They count bytes, as sprig does.
extension TemplateFunctions {
  static let shortenedTexts: [String: TemplateFunction] = [
    "trunc": TemplateFunction(2) { call in
      let (length, text) = (try call.integer(0), try call.text(1))
      if length < 0, length > -text.count { return try call.made(Array(text[(text.count + length)...])) }
      return try call.made(length >= 0 && text.count > length ? Array(text[..<length]) : text)
    },
    "substr": TemplateFunction(3) { call in
      let (start, end, text) = (try call.integer(0), try call.integer(1), try call.text(2))
      let (first, last) = start < 0 ? (0, end) : (start, end < 0 || end > text.count ? text.count : end)
      guard first <= last, last <= text.count else { throw TemplateError("slice bounds out of range") }
      return try call.made(Array(text[first..<last]))
    },
    "abbrev": TemplateFunction(2) { call in
      let (width, text) = (try call.integer(0), try call.text(1))
      return try call.made(width < 4 ? text : abbreviated(text, 0, width))
    },
    "abbrevboth": TemplateFunction(3) { call in
      let (left, right, text) = (try call.integer(0), try call.integer(1), try call.text(2))
      guard right >= 4, left <= 0 || right >= 7 else { return try call.made(text) }
      return try call.made(abbreviated(text, left, right))
    },
    "wrap": TemplateFunction(2) { call in
      try call.made(try wrapped(try call.text(1), at: try call.integer(0), with: [], breaksWords: false))
    },
    "wrapWith": TemplateFunction(3) { call in
      let (width, separator) = (try call.integer(0), try call.text(1))
      return try call.made(try wrapped(try call.text(2), at: width, with: separator, breaksWords: true))
    },
    "nospace": mapping { text in
      // sprig takes each byte for a rune.
      text.contains(where: isLatinSpace) ? text.filter { !isLatinSpace($0) }.flatMap(latin) : text
    },
    "initials": mapping { text in
      var result: [UInt8] = []
      var isStart = true
      for byte in text {
        let isSpace = isLatinSpace(byte)
        if !isSpace && isStart { result += latin(byte) }
        isStart = isSpace
      }
      return result
    },
  ]

  private static func isLatinSpace(_ byte: UInt8) -> Bool { GoRunes.isSpace(Unicode.Scalar(byte)) }
  private static func latin(_ byte: UInt8) -> [UInt8] { GoRunes.encode(Unicode.Scalar(byte)) }

  private static let dots: [UInt8] = [0x2E, 0x2E, 0x2E]

  /// At most `width` bytes, which is 4 at least; from about `left` on, with dots for what is left out.
  private static func abbreviated(_ text: [UInt8], _ left: Int, _ width: Int) -> [UInt8] {
    guard text.count > width else { return text }
    var offset = min(left, text.count)
    let room = width - 3
    if text.count - offset < room { offset = text.count - room }
    if offset <= 4 { return text[..<room] + dots }
    // SPIRE: sprig drops the error of a width that is too small.
    guard width >= 7 else { return [] }
    guard offset + room < text.count else { return dots + text[(text.count - room)...] }
    let rest = Array(text[offset...])
    return dots + (room < 4 ? [] : abbreviated(rest, 0, room))
  }

  private static func wrapped(
    _ text: [UInt8], at width: Int, with separator: [UInt8], breaksWords: Bool
  ) throws(TemplateError) -> [UInt8] {
    let newline = separator.isEmpty ? [0x0A] : separator
    let width = max(width, 1)
    var result: [UInt8] = []
    var at = 0
    while text.count - at > width {
      guard result.count <= TemplateMemory.maximumText else { throw tooLong }
      if text[at] == 0x20 {
        at += 1
        continue
      }
      let edge = at + width
      if let space = text[at...edge].lastIndex(of: 0x20) {
        result += text[at..<space] + newline
        at = space + 1
      } else if breaksWords {
        result += text[at..<edge] + newline
        at = edge
      } else if let space = text[edge...].firstIndex(of: 0x20) {
        result += text[at..<space] + newline
        at = space + 1
      } else {
        return result + text[at...]
      }
    }
    return result + text[at...]
  }
}
