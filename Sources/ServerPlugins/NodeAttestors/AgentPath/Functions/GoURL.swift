/// A URL as Go's net/url takes it apart and puts it together. A value.
struct GoURL: CustomStringConvertible {
  struct User: CustomStringConvertible {
    let name: String
    let password: String?

    var description: String {
      let name = GoURL.escaped(name, .user)
      return password.map { name + ":" + GoURL.escaped($0, .user) } ?? name
    }
  }

  /// Which characters an escape is not needed for.
  enum Part { case path, user, host, fragment, query }

  var scheme = ""
  var opaque = ""
  var user: User?
  var host = ""
  var path = ""
  var query = ""
  var fragment = ""
  private var forcesQuery = false

  init() {}

  init(_ text: String) throws(TemplateError) {
    guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
      throw TemplateError("net/url: invalid control character in URL")
    }
    let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count > 1 { fragment = try Self.unescaped(parts[1], .fragment) }
    var rest = parts.first ?? ""
    if rest == "*" {
      path = "*"
      return
    }
    try takeScheme(&rest)
    if rest.hasSuffix("?"), rest.count(where: { $0 == "?" }) == 1 {
      forcesQuery = true
      rest = rest.dropLast()
    } else if let mark = rest.firstIndex(of: "?") {
      query = String(rest[rest.index(after: mark)...])
      rest = rest[..<mark]
    }
    if !rest.hasPrefix("/") {
      if !scheme.isEmpty {
        opaque = String(rest)
        return
      }
      guard !rest.prefix(while: { $0 != "/" }).contains(":") else {
        throw TemplateError("first path segment in URL cannot contain colon")
      }
    }
    if !scheme.isEmpty || !rest.hasPrefix("///"), rest.hasPrefix("//") {
      let authority = rest.dropFirst(2).prefix { $0 != "/" }
      rest = rest[authority.endIndex...]
      try takeAuthority(authority)
    }
    path = try Self.unescaped(rest, .path)
  }

  private mutating func takeScheme(_ rest: inout Substring) throws(TemplateError) {
    for (index, byte) in rest.utf8.enumerated() {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): continue
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
        if index == 0 { return }
      case UInt8(ascii: ":"):
        guard index > 0 else { throw TemplateError("missing protocol scheme") }
        scheme = rest.prefix(index).lowercased()
        rest = rest.dropFirst(index + 1)
        return
      default: return
      }
    }
  }

  private mutating func takeAuthority(_ authority: Substring) throws(TemplateError) {
    var name = authority
    if let at = authority.lastIndex(of: "@") {
      let info = authority[..<at]
      name = authority[authority.index(after: at)...]
      guard
        info.unicodeScalars.allSatisfy({ Self.isAlphanumeric($0) || "-._:~!$&'()*+,;=%@".unicodeScalars.contains($0) })
      else { throw TemplateError("net/url: invalid userinfo") }
      let halves = info.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      user = User(
        name: try Self.unescaped(halves.first ?? "", .user),
        password: halves.count > 1 ? try Self.unescaped(halves[1], .user) : nil)
    }
    let port: Substring
    if name.hasPrefix("[") {
      guard let end = name.lastIndex(of: "]") else { throw TemplateError("missing ']' in host") }
      port = name[name.index(after: end)...]
    } else {
      port = name.lastIndex(of: ":").map { name[$0...] } ?? ""
    }
    guard Self.isPort(port) else { throw TemplateError("invalid port \"\(port)\" after host") }
    host = try Self.unescaped(name, .host)
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.isEmpty || text.first == ":" && text.utf8.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
  }

  /// The host without its port and brackets.
  var hostname: String {
    var name = host[...]
    if let colon = name.lastIndex(of: ":"), Self.isPort(name[colon...]) { name = name[..<colon] }
    if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
    return String(name)
  }

  var description: String {
    var text = scheme.isEmpty ? "" : scheme + ":"
    if !opaque.isEmpty {
      text += opaque
    } else {
      if !scheme.isEmpty || !host.isEmpty || user != nil {
        if !host.isEmpty || !path.isEmpty || user != nil { text += "//" }
        if let user { text += "\(user)@" }
        text += Self.escaped(host, .host)
      }
      let path = path == "*" ? "*" : Self.escaped(path, .path)
      if !path.isEmpty, !path.hasPrefix("/"), !host.isEmpty { text += "/" }
      // Not to be taken for a scheme.
      if text.isEmpty, path.prefix(while: { $0 != "/" }).contains(":") { text += "./" }
      text += path
    }
    if forcesQuery || !query.isEmpty { text += "?" + query }
    if !fragment.isEmpty { text += "#" + Self.escaped(fragment, .fragment) }
    return text
  }

  // MARK: Escapes

  private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII && (GoRunes.isLetter(scalar) || GoRunes.isDigit(scalar))
  }

  private static func isPlain(_ byte: UInt8, _ part: Part) -> Bool {
    let scalar = Unicode.Scalar(byte)
    if isAlphanumeric(scalar) || "-_.~".unicodeScalars.contains(scalar) { return true }
    let others: String =
      switch part {
      case .path: "$&+,/:;=@"
      case .user: "$&+,;="
      case .host: "!$&'()*+,;=:[]<>\""
      case .fragment: "$&+,/:;=?@!()*"
      case .query: ""
      }
    return others.unicodeScalars.contains(scalar)
  }

  static func escaped(_ text: String, _ part: Part) -> String { escaped(Array(text.utf8), part) }

  static func escaped(_ bytes: [UInt8], _ part: Part) -> String {
    bytes.map { byte in
      if isPlain(byte, part) { return String(Unicode.Scalar(byte)) }
      if part == .query, byte == 0x20 { return "+" }
      return (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
    }.joined()
  }

  private static func unescaped(_ text: Substring, _ part: Part) throws(TemplateError) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        guard part != .host || byte >= 0x80 || isPlain(byte, .host) else {
          throw TemplateError("invalid character \"\(Unicode.Scalar(byte))\" in host name")
        }
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16),
        part != .host || value >= 0x80 || value == UInt8(ascii: "%")
      else {
        throw TemplateError("invalid URL escape \"%\(String(decoding: digits, as: UTF8.self))\"")
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
