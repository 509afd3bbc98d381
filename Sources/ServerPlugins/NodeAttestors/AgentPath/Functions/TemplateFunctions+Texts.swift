import Crypto

/// Functions of sprig that make text out of text.
extension TemplateFunctions {
  /// A function of one text.
  static func mapping(_ change: @escaping @Sendable ([UInt8]) -> [UInt8]) -> TemplateFunction {
    TemplateFunction(1) { try $0.made(change(try $0.text(0))) }
  }

  /// A function of an option and a text, as sprig orders them so that the text can come through a pipe.
  private static func mapping(
    _ change: @escaping @Sendable (_ option: [UInt8], _ text: [UInt8]) -> [UInt8]
  ) -> TemplateFunction {
    TemplateFunction(2) { try $0.made(change(try $0.text(0), try $0.text(1))) }
  }

  private static func testing(
    _ test: @escaping @Sendable (_ option: [UInt8], _ text: [UInt8]) -> Bool
  ) -> TemplateFunction {
    TemplateFunction(2) { .bool(test(try $0.text(0), try $0.text(1))) }
  }

  static let texts: [String: TemplateFunction] = [
    "trim": mapping { GoRunes.trimmed($0) },
    "trimAll": mapping { cut, text in
      let scalars = Set(GoRunes.decode(cut).map(\.scalar))
      return GoRunes.trimmed(text) { scalars.contains($0) }
    },
    "trimPrefix": mapping { $1.starts(with: $0) ? Array($1.dropFirst($0.count)) : $1 },
    "trimSuffix": mapping { ends($1, with: $0) ? Array($1.dropLast($0.count)) : $1 },
    "contains": testing { !places(of: $0, in: $1, limit: 1).isEmpty }, "hasPrefix": testing { $1.starts(with: $0) },
    "hasSuffix": testing { ends($1, with: $0) },
    "replace": TemplateFunction(3) { call in
      try call.made(try replaced(try call.text(0), with: try call.text(1), in: try call.text(2)))
    },
    "repeat": TemplateFunction(2) { call in
      try call.made(try repeated(try call.text(1), try call.integer(0)))
    },
    "indent": TemplateFunction(2) { try $0.made(try indented(try $0.text(1), by: try $0.integer(0))) },
    "nindent": TemplateFunction(2) { try $0.made([0x0A] + (try indented(try $0.text(1), by: try $0.integer(0)))) },
    "plural": TemplateFunction(3) { call in
      let (one, many) = (try call.text(0), try call.text(1))
      return try call.made(try call.integer(2) == 1 ? one : many)
    },
    "quote": TemplateFunction(0...) { call in
      var parts: [[UInt8]] = []
      for value in call.arguments {
        if case .none = value { continue }
        parts.append(Array(GoFormat.quoted(try call.shown(value)).utf8))
      }
      return try call.made(Array(parts.joined(separator: [0x20])))
    },
    "squote": TemplateFunction(0...) { call in
      var parts: [[UInt8]] = []
      for value in call.arguments {
        if case .none = value { continue }
        parts.append([0x27] + (try call.memory.printed(value)) + [0x27])
      }
      return try call.made(Array(parts.joined(separator: [0x20])))
    },
    "cat": TemplateFunction(0...) { call in
      var parts: [[UInt8]] = []
      for value in call.arguments {
        if case .none = value { continue }
        parts.append(try call.memory.printed(value))
      }
      return try call.made(Array(parts.joined(separator: [0x20])))
    },
    "toString": TemplateFunction(1) { try $0.made(try $0.shown($0.arguments[0])) },
    "sha1sum": mapping { hex(Insecure.SHA1.hash(data: $0)) }, "sha256sum": mapping { hex(SHA256.hash(data: $0)) },
    "adler32sum": mapping { text in
      var (low, high): (UInt32, UInt32) = (1, 0)
      for byte in text {
        low = (low + UInt32(byte)) % 65521
        high = (high + low) % 65521
      }
      return Array("\(high << 16 | low)".utf8)
    },
    "uuidv4": TemplateFunction(0) { _ in
      var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
      bytes[6] = bytes[6] & 0x0F | 0x40
      bytes[8] = bytes[8] & 0x3F | 0x80
      let digits = Array(hex(bytes))
      let parts = [digits[..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20...]]
      return .string(TemplateText(Array(parts.joined(separator: [0x2D]))))
    },
  ]

  // MARK: Details

  private static func hex(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    Array(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined().utf8)
  }

  private static func ends(_ text: [UInt8], with end: [UInt8]) -> Bool {
    text.count >= end.count && text.suffix(end.count).elementsEqual(end)
  }

  /// Where `part` begins in `text`, without overlaps; every place between runes for an empty part.
  static func places(of part: [UInt8], in text: [UInt8], limit: Int = .max) -> [Int] {
    guard let first = part.first else { return Array((GoRunes.decode(text).map(\.start) + [text.count]).prefix(limit)) }
    var found: [Int] = []
    var at = 0
    while at + part.count <= text.count, found.count < limit {
      if text[at] == first, text[at..<(at + part.count)].elementsEqual(part) {
        found.append(at)
        at += part.count
      } else {
        at += 1
      }
    }
    return found
  }

  private static func replaced(
    _ old: [UInt8], with new: [UInt8], in text: [UInt8]
  ) throws(TemplateError) -> [UInt8] {
    let places = places(of: old, in: text)
    guard text.count + places.count * new.count <= 2 * TemplateMemory.maximumText else { throw tooLong }
    var result: [UInt8] = []
    var from = 0
    for place in places {
      result += text[from..<place] + new
      from = place + old.count
    }
    return result + text[from...]
  }

  private static func repeated(_ text: [UInt8], _ count: Int) throws(TemplateError) -> [UInt8] {
    guard count >= 0 else { throw TemplateError("strings: negative Repeat count") }
    guard text.count * min(count, TemplateMemory.maximumText + 1) <= TemplateMemory.maximumText else { throw tooLong }
    return text.isEmpty ? [] : Array(repeatElement(text, count: count).joined())
  }

  private static func indented(_ text: [UInt8], by spaces: Int) throws(TemplateError) -> [UInt8] {
    let pad = try repeated([0x20], spaces)
    return pad + (try replaced([0x0A], with: [0x0A] + pad, in: text))
  }

  static var tooLong: TemplateError { TemplateError("the text is longer than \(TemplateMemory.maximumText) bytes") }
}
