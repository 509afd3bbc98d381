import Daemon

/// The URL of an issuer or of its keys (`jwt_issuer`, `jwks_uri`), taken apart as far as others are derived from it. A value.
package struct IssuerURL: Hashable, Sendable, CustomStringConvertible {
  /// Why a text is no URL; the words of Go's `net/url`.
  package struct Fault: Error, Hashable, CustomStringConvertible {
    package let description: String
  }

  /// Empty when there is none.
  package let scheme: String
  /// With its port; empty when there is none.
  package let host: String
  package let path: String
  private let text: String

  package init(parsing text: String) throws(Fault) {
    func fault(_ reason: String) -> Fault { Fault(description: "parse \(GoText.quote(text)): \(reason)") }
    guard text.utf8.count <= 4096 else { throw fault("longer than 4096 bytes") }
    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw fault("net/url: invalid control character in URL")
    }
    self.text = text
    let whole = text.prefix { $0 != "#" }
    let scheme = whole.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    let behind = whole[scheme.endIndex...]
    let hasScheme = behind.first == ":" && scheme.first?.isLetter == true
    if behind.first == ":", scheme.isEmpty { throw fault("missing protocol scheme") }
    let rest = hasScheme ? behind.dropFirst() : whole
    var path = rest
    var authority: Substring = ""
    if rest.hasPrefix("//") {
      authority = rest.dropFirst(2).prefix { !"/?".contains($0) }
      path = rest.dropFirst(2)[authority.endIndex...]
    } else if !hasScheme, rest.prefix(while: { $0 != "/" && $0 != "?" }).contains(":") {
      throw fault("first path segment in URL cannot contain colon")
    }
    path = path.prefix { $0 != "?" }
    let address = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
    if let bad = address.first(where: { !Self.belongsToHost($0) }) {
      throw fault("invalid character \(GoText.quote(String(bad))) in host name")
    }
    if let port = Self.port(address), !port.allSatisfy({ $0.isASCII && $0.isNumber }) {
      throw fault("invalid port \(GoText.quote(":" + port)) after host")
    }
    if let escape = Self.badEscape(path) { throw fault("invalid URL escape \(GoText.quote(escape))") }
    self.scheme = hasScheme ? scheme.lowercased() : ""
    host = String(address)
    self.path = String(path)
  }

  package var description: String { text }

  /// This URL's scheme, host and path with one more component, without query and fragment.
  package func appending(_ component: String) -> String {
    "\(scheme)://\(host)" + Self.join(path, component)
  }

  /// `prefix` and `component` with one slash between them and one in front.
  package static func join(_ prefix: String, _ component: String) -> String {
    "/" + (prefix.split(separator: "/").map(String.init) + [component]).joined(separator: "/")
  }

  private static func belongsToHost(_ character: Character) -> Bool {
    guard character.isASCII else { return true }
    return character.isLetter || character.isNumber || "-._~:[]!$&'()*+,;=%".contains(character)
  }

  private static func port(_ address: Substring) -> Substring? {
    guard let colon = address.lastIndex(of: ":"), !address[colon...].contains("]") else { return nil }
    return address[address.index(after: colon)...]
  }

  private static func badEscape(_ path: Substring) -> String? {
    var rest = path.utf8[...]
    while let at = rest.firstIndex(of: UInt8(ascii: "%")) {
      let escape = rest[at...].prefix(3)
      let digits = escape.dropFirst()
      guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }) else {
        return String(decoding: Array(escape), as: UTF8.self)
      }
      rest = rest[rest.index(at, offsetBy: 3)...]
    }
    return nil
  }
}
