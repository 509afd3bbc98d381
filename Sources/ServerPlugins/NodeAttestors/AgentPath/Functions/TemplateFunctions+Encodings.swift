/// Functions of sprig that encode and decode. Of what cannot be decoded the result is Go's message, as in sprig.
extension TemplateFunctions {
  static let encodings: [String: TemplateFunction] = [
    "b64enc": TemplateFunction(1) { try $0.made(base64.encode(try $0.text(0)), createsSlashes: true) },
    "b64dec": TemplateFunction(1) { try $0.made(base64.decode(try $0.text(0)), createsSlashes: true) },
    "b32enc": TemplateFunction(1) { try $0.made(base32.encode(try $0.text(0)), createsSlashes: true) },
    "b32dec": TemplateFunction(1) { try $0.made(base32.decode(try $0.text(0)), createsSlashes: true) },
    "html": TemplateFunction(0...) { call in
      try call.made(
        try GoFormat.joined(call.arguments, &call).flatMap { byte -> [UInt8] in
          switch byte {
          case 0: Array("\u{FFFD}".utf8)
          case UInt8(ascii: "\""): Array("&#34;".utf8)
          case UInt8(ascii: "'"): Array("&#39;".utf8)
          case UInt8(ascii: "&"): Array("&amp;".utf8)
          case UInt8(ascii: "<"): Array("&lt;".utf8)
          case UInt8(ascii: ">"): Array("&gt;".utf8)
          default: [byte]
          }
        })
    },
    "js": TemplateFunction(0...) { call in
      try call.made(
        GoRunes.decode(try GoFormat.joined(call.arguments, &call)).map { rune in
          switch rune.scalar {
          case "\\": return "\\\\"
          case "'": return "\\'"
          case "\"": return "\\\""
          case "<", ">", "&", "=": return "\\u" + GoFormat.hex(rune.scalar.value, 4)
          case let scalar where scalar.value < 0x20: return "\\u" + GoFormat.hex(scalar.value, 4)
          case let scalar where !scalar.isASCII && !GoFormat.isPrintable(scalar):
            return "\\u" + GoFormat.hex(scalar.value, 4)
          default: return String(rune.scalar)
          }
        }.joined())
    },
    "urlquery": TemplateFunction(0...) { call in
      try call.made(GoURL.escaped(try GoFormat.joined(call.arguments, &call), .query))
    },
  ]

  private static let base64 = BinaryText(
    name: "base64", alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", bits: 6, group: 4)
  private static let base32 = BinaryText(
    name: "base32", alphabet: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5, group: 8)
}
