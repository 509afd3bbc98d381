/// Functions of sprig on paths with slashes and on URLs.
extension TemplateFunctions {
  static let paths: [String: TemplateFunction] = [
    "base": mapping { text in
      guard !text.isEmpty else { return [dot] }
      guard let end = text.lastIndex(where: { $0 != slash }) else { return [slash] }
      let start = text[...end].lastIndex(of: slash).map { $0 + 1 } ?? 0
      return Array(text[start...end])
    },
    "dir": mapping { text in cleaned(text.lastIndex(of: slash).map { Array(text[...$0]) } ?? []) },
    "clean": mapping(cleaned),
    "ext": mapping { text in
      let name = text.lastIndex(of: slash).map { text[($0 + 1)...] } ?? text[...]
      return name.lastIndex(of: dot).map { Array(name[$0...]) } ?? []
    },
    "isAbs": TemplateFunction(1) { .bool(try $0.text(0).first == slash) },
    "urlParse": TemplateFunction(1) { call in
      let url: GoURL
      do { url = try GoURL(try call.string(0)) } catch { throw TemplateError("unable to parse url: \(error)") }
      var entries: [TemplateMemory.Entry] = []
      for (name, part) in [
        ("scheme", url.scheme), ("host", url.host), ("hostname", url.hostname), ("path", url.path),
        ("query", url.query), ("opaque", url.opaque), ("fragment", url.fragment),
        ("userinfo", url.user?.description ?? ""),
      ] {
        // An escape may have been a slash.
        let value = try call.made(part, createsSlashes: true)
        entries.append(TemplateMemory.Entry(key: TemplateText(name), value: value))
      }
      return try call.memory.make(entries)
    },
    "urlJoin": TemplateFunction(1) { call in
      let map = try call.map(0)
      func part(_ name: String) throws(TemplateError) -> String {
        guard let value = call.memory.member(Array(name.utf8), of: map) else { return "" }
        guard case .string(let text) = value else {
          throw TemplateError("unable to parse \(name) key, must be of type string, but \(value.kind) found")
        }
        return text.string
      }
      var url = GoURL()
      url.scheme = try part("scheme")
      url.host = try part("host")
      url.path = try part("path")
      url.query = try part("query")
      url.opaque = try part("opaque")
      url.fragment = try part("fragment")
      let user = try part("userinfo")
      if !user.isEmpty {
        do { url.user = try GoURL("proto://\(user)@host").user } catch {
          throw TemplateError("unable to parse userinfo in dict: \(error)")
        }
      }
      return try call.made(url.description, createsSlashes: true)
    },
  ]

  private static let slash = UInt8(ascii: "/")
  private static let dot = UInt8(ascii: ".")

  /// The shortest path that is the same: no `.`, no `..` but in front, no two slashes.
  @Sendable private static func cleaned(_ text: [UInt8]) -> [UInt8] {
    let isRooted = text.first == slash
    var parts: [ArraySlice<UInt8>] = []
    for part in text.split(separator: slash) where part != [dot] {
      if part != [dot, dot] {
        parts.append(part)
      } else if let last = parts.last, last != [dot, dot] {
        parts.removeLast()
      } else if !isRooted {
        parts.append(part)
      }
    }
    let joined = Array(parts.joined(separator: [slash]))
    if isRooted { return [slash] + joined }
    return joined.isEmpty ? [dot] : joined
  }
}
