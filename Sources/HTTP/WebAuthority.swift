import Daemon
import NIOCore

/// What a URL says between `//` and its path: a host, and perhaps a port, a name and a password. ``WebURL`` makes it.
struct WebAuthority {
  /// Without brackets; empty when there is none.
  let host: String
  let port: Int?
  /// `name:password`, decoded.
  let credential: String?

  init(_ text: Substring) throws(WebURL.Fault) {
    let at = text.lastIndex(of: "@")
    let address = at.map { text[text.index(after: $0)...] } ?? text
    (host, port) = try Self.split(address)
    credential = try at.map { (at) throws(WebURL.Fault) in try Self.decoded(text[..<at]) }
  }

  private static func split(_ authority: Substring) throws(WebURL.Fault) -> (String, Int?) {
    var host = authority
    var port: Substring = ""
    if authority.hasPrefix("[") {
      guard let close = authority.lastIndex(of: "]") else { throw .malformed("missing ']' in host") }
      host = authority[authority.index(after: authority.startIndex)..<close]
      port = authority[authority.index(after: close)...]
    } else if let colon = authority.lastIndex(of: ":") {
      host = authority[..<colon]
      port = authority[colon...]
    }
    let number = try number(port)
    if authority.hasPrefix("[") {
      guard case .v6? = try? SocketAddress(ipAddress: String(host), port: 0) else {
        throw .malformed("invalid IPv6 address")
      }
    } else {
      guard host.utf8.count <= 253 else { throw .malformed("host name of more than 253 bytes") }
      if let bad = host.first(where: { !$0.utf8.allSatisfy(isHostByte) }) {
        throw .malformed("invalid character \(GoText.quote(String(bad))) in host name")
      }
    }
    return (String(host), number)
  }

  /// The number behind the colon of `text`, if there is one.
  private static func number(_ text: Substring) throws(WebURL.Fault) -> Int? {
    guard !text.isEmpty, text != ":" else { return nil }
    let digits = text.dropFirst()
    guard text.hasPrefix(":"), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits),
      (1...65535).contains(number)
    else { throw .malformed("invalid port \(GoText.quote(String(text))) after host") }
    return number
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func decoded(_ text: Substring) throws(WebURL.Fault) -> String {
    let source = Array(text.utf8)
    var bytes: [UInt8] = []
    var index = 0
    while index < source.count {
      if source[index] == UInt8(ascii: "%") {
        guard index + 2 < source.count,
          let byte = UInt8(String(decoding: source[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
        else { throw .malformed("net/url: invalid userinfo") }
        bytes.append(byte)
        index += 3
      } else {
        guard source[index] > 0x20, source[index] < 0x7F else { throw .malformed("net/url: invalid userinfo") }
        bytes.append(source[index])
        index += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func isHex(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}
