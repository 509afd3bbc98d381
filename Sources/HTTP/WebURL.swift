import Daemon

/// The URL of something that a daemon fetches: https, or http where a socket of this host leads to the server. Parsed
/// once; what cannot be requested is refused where it comes in, with the words of Go's `net/url`. A value.
package struct WebURL: Hashable, Sendable, CustomStringConvertible {
  package enum Scheme: String, Sendable {
    case https, http

    var port: Int { self == .https ? 443 : 80 }
  }

  /// Why a text is not such a URL. The words follow `bundle endpoint URL ` or the like.
  package enum Fault: Error, Hashable, CustomStringConvertible {
    case scheme(Scheme)
    case neitherScheme
    case host, user
    case malformed(String)

    package var description: String {
      switch self {
      case .scheme(let wanted): "must use the \(wanted.rawValue) scheme"
      case .neitherScheme: "must use the https or the http scheme"
      case .host: "must specify the host"
      case .user: "must not contain user info"
      case .malformed(let why): "cannot be parsed: \(why)"
      }
    }
  }

  static let maximumLength = 4096

  package let scheme: Scheme
  /// Without brackets.
  package let host: String
  package let port: Int
  /// The path and the query, as a request names them.
  package var target: String
  /// `name:password`, decoded, to present to the server; it is never printed.
  package let credential: String?

  /// - Parameter allowsUser: whether the URL may carry a name and a password.
  package init(_ text: String, scheme: Scheme = .https, allowsUser: Bool = false) throws(Fault) {
    try self.init(text, schemes: [scheme], allowsUser: allowsUser)
  }

  /// A URL of either scheme, for servers whose user decides whether the way to them is protected.
  package init(anyScheme text: String) throws(Fault) {
    try self.init(text, schemes: [.https, .http], allowsUser: false)
  }

  private init(_ text: String, schemes: [Scheme], allowsUser: Bool) throws(Fault) {
    guard text.utf8.count <= Self.maximumLength else {
      throw .malformed("longer than \(Self.maximumLength) bytes")
    }
    try Self.refuseControls(text)
    let found = try Self.split(text[...])
    // The order of Go's parser and upstream's checks: what cannot be read first, then what it says.
    let target = try Self.target(found.target)
    let address = try found.authority.map { (text) throws(Fault) in try WebAuthority(text) }
    guard let scheme = Scheme(rawValue: found.scheme.lowercased()), schemes.contains(scheme) else {
      throw schemes.count == 1 ? .scheme(schemes[0]) : .neitherScheme
    }
    guard let address, !address.host.isEmpty else { throw .host }
    guard allowsUser || address.credential == nil else { throw .user }
    self.init(
      scheme: scheme, host: address.host, port: address.port ?? scheme.port, target: target,
      credential: address.credential)
  }

  private init(scheme: Scheme, host: String, port: Int, target: String, credential: String?) {
    (self.scheme, self.host, self.port, self.target, self.credential) = (scheme, host, port, target, credential)
  }

  /// Where a redirection from here leads: a URL of the same scheme, or a path on this host.
  package func redirected(to location: String) throws(Fault) -> WebURL {
    guard location.utf8.count <= Self.maximumLength else { throw .malformed("not a URL") }
    try Self.refuseControls(location)
    if location.hasPrefix("//") { return try WebURL(scheme.rawValue + ":" + location, scheme: scheme) }
    let head = location.prefix { !"/?#".contains($0) }
    if head.contains(":") { return try WebURL(location, scheme: scheme) }
    let path = target.prefix { $0 != "?" }
    let joined: String
    if location.hasPrefix("/") {
      joined = location
    } else if location.hasPrefix("?") {
      joined = path + location
    } else {
      joined = path[...(path.lastIndex(of: "/") ?? path.startIndex)] + location
    }
    return WebURL(
      scheme: scheme, host: host, port: port, target: try Self.target(joined[...]), credential: credential)
  }

  /// What a request's `Host` says: the port only when it is not the scheme's own.
  package var authority: String { port == scheme.port ? bracketed : "\(bracketed):\(port)" }

  /// `partner.test:443`
  package var hostAndPort: String { "\(bracketed):\(port)" }

  private var bracketed: String { host.contains(":") ? "[\(host)]" : host }

  package var description: String { "\(scheme.rawValue)://\(authority)\(target == "/" ? "" : target)" }

  private static func refuseControls(_ text: String) throws(Fault) {
    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw .malformed("net/url: invalid control character in URL")
    }
  }

  /// The scheme, what stands between `//` and the path, and the rest without its fragment.
  private static func split(
    _ text: Substring
  ) throws(Fault) -> (scheme: Substring, authority: Substring?, target: Substring) {
    let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count > 1 { try checkEscapes(Array(parts[1].utf8)) }
    let whole = parts[0]
    let scheme = whole.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    let after = whole[scheme.endIndex...]
    let hasScheme = after.first == ":" && scheme.first?.isLetter == true
    if after.first == ":" && scheme.isEmpty { throw .malformed("missing protocol scheme") }
    let rest = hasScheme ? after.dropFirst() : whole
    guard rest.hasPrefix("//") else {
      if !hasScheme, rest.prefix(while: { $0 != "/" && $0 != "?" }).contains(":") {
        throw .malformed("first path segment in URL cannot contain colon")
      }
      return (hasScheme ? scheme : "", nil, "")
    }
    let behind = rest.dropFirst(2)
    let end = behind.firstIndex { $0 == "/" || $0 == "?" } ?? behind.endIndex
    return (hasScheme ? scheme : "", behind[..<end], behind[end...])
  }

  /// The rest of the URL in ASCII, from the root.
  private static func target(_ text: Substring) throws(Fault) -> String {
    let source = Array(text.utf8.prefix { $0 != UInt8(ascii: "#") })
    try checkEscapes(source)
    var bytes: [UInt8] = source.first == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in source {
      if byte > 0x20 && byte < 0x7F {
        bytes.append(byte)
      } else {
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func checkEscapes(_ source: [UInt8]) throws(Fault) {
    for index in source.indices where source[index] == UInt8(ascii: "%") {
      let escape = source[index..<min(index + 3, source.count)]
      guard escape.count == 3, escape.dropFirst().allSatisfy(WebAuthority.isHex) else {
        throw .malformed("invalid URL escape \(GoText.quote(String(decoding: escape, as: UTF8.self)))")
      }
    }
  }
}
