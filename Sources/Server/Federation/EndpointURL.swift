import Glibc

/// The URL of a bundle endpoint (SPIFFE Federation §4.1): https, a host, no user. Parsed once; what cannot be one is
/// refused where it comes in. A value.
package struct EndpointURL: Hashable, Sendable, CustomStringConvertible {
  /// Why a text is not the URL of a bundle endpoint. The words follow `bundle endpoint URL `.
  package enum Fault: Error, Hashable, CustomStringConvertible {
    case scheme, host, user
    case malformed(String)

    package var description: String {
      switch self {
      case .scheme: "must use the https scheme"
      case .host: "must specify the host"
      case .user: "must not contain user info"
      case .malformed(let why): "cannot be parsed: \(why)"
      }
    }
  }

  static let maximumLength = 4096

  /// Without brackets.
  package let host: String
  package let port: Int
  /// The path and the query, as a request names them.
  package let target: String

  package init(_ text: String) throws(Fault) {
    guard text.utf8.count <= Self.maximumLength else {
      throw .malformed("longer than \(Self.maximumLength) bytes")
    }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw .malformed("invalid control character or space")
    }
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), text[..<colon].lowercased() == "https" else {
      throw .scheme
    }
    let rest = text[text.utf8.index(after: colon)...]
    guard rest.hasPrefix("//") else { throw .host }
    let after = rest.dropFirst(2)
    let end = after.utf8.firstIndex { [UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")].contains($0) }
    let authority = after[..<(end ?? after.endIndex)]
    guard !authority.utf8.contains(UInt8(ascii: "@")) else { throw .user }
    (host, port) = try Self.split(authority)
    target = try Self.target(after[(end ?? after.endIndex)...])
  }

  private init(host: String, port: Int, target: String) {
    (self.host, self.port, self.target) = (host, port, target)
  }

  /// Where a redirection from here leads: an https URL, or a path on this host.
  package func redirected(to location: String) throws(Fault) -> EndpointURL {
    guard location.utf8.count <= Self.maximumLength, location.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw .malformed("not a URL")
    }
    if location.hasPrefix("//") { return try EndpointURL("https:" + location) }
    let head = location.prefix { !"/?#".contains($0) }
    if head.contains(":") { return try EndpointURL(location) }
    let path = target.prefix { $0 != "?" }
    let joined: String
    if location.hasPrefix("/") {
      joined = location
    } else if location.hasPrefix("?") {
      joined = path + location
    } else {
      joined = path[...(path.lastIndex(of: "/") ?? path.startIndex)] + location
    }
    return EndpointURL(host: host, port: port, target: try Self.target(joined[...]))
  }

  /// What a request's `Host` says: the port only when it is not https's own.
  package var authority: String { port == 443 ? bracketed : "\(bracketed):\(port)" }

  private var bracketed: String { host.contains(":") ? "[\(host)]" : host }

  package var description: String { "https://\(authority)\(target == "/" ? "" : target)" }

  private static func split(_ authority: Substring) throws(Fault) -> (String, Int) {
    var host = authority
    var port: Substring?
    if authority.hasPrefix("[") {
      guard let close = authority.firstIndex(of: "]") else { throw .malformed("missing ']' in host") }
      host = authority[authority.index(after: authority.startIndex)..<close]
      let rest = authority[authority.index(after: close)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { throw .malformed("invalid port after host") }
      if !rest.isEmpty { port = rest.dropFirst() }
      var address = in6_addr()
      guard inet_pton(AF_INET6, String(host), &address) == 1 else { throw .malformed("invalid IPv6 address") }
    } else if let colon = authority.lastIndex(of: ":") {
      host = authority[..<colon]
      port = authority[authority.index(after: colon)...]
    }
    guard !host.isEmpty else { throw .host }
    if !authority.hasPrefix("[") {
      guard host.utf8.count <= 253, host.utf8.allSatisfy(isHostByte) else {
        throw .malformed("invalid character in host name")
      }
    }
    guard let port, !port.isEmpty else { return (String(host), 443) }
    guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port), (1...65535).contains(number)
    else { throw .malformed("invalid port \"\(port)\"") }
    return (String(host), number)
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// The rest of the URL without its fragment, in ASCII.
  private static func target(_ text: Substring) throws(Fault) -> String {
    var bytes: [UInt8] = []
    let source = Array(text.utf8.prefix { $0 != UInt8(ascii: "#") })
    if source.first != UInt8(ascii: "/") { bytes.append(UInt8(ascii: "/")) }
    let digits = Array("0123456789ABCDEF".utf8)
    func isHex(_ index: Int) -> Bool {
      guard index < source.count else { return false }
      switch source[index] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
        UInt8(ascii: "A")...UInt8(ascii: "F"):
        return true
      default: return false
      }
    }
    for (index, byte) in source.enumerated() {
      if byte == UInt8(ascii: "%"), !isHex(index + 1) || !isHex(index + 2) { throw .malformed("invalid URL escape") }
      if byte < 0x80 {
        bytes.append(byte)
      } else {
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
