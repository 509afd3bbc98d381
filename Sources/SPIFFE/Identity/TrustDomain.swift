/// The name of a trust domain, for example `example.org` (SPIFFE-ID §2.1).
///
/// The name holds only `a-z`, `0-9`, `.`, `-` and `_`, is never empty, and is never treated as a DNS name or IP address.
public struct TrustDomain: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The bare name, without a scheme.
  public let name: String

  /// Parses a trust domain name, or the trust domain part of a SPIFFE ID such as `spiffe://example.org/path`.
  ///
  /// - Throws: ``SPIFFEIDError`` that says which rule the text breaks.
  public init(_ text: String) throws(SPIFFEIDError) {
    guard !text.isEmpty else { throw .missingTrustDomain }
    if text.utf8.contains(UInt8(ascii: ":")) {
      self = try SPIFFEID(text).trustDomain
      return
    }
    self = try TrustDomain(name: text[...])
  }

  init(name: Substring) throws(SPIFFEIDError) {
    guard !name.isEmpty else { throw .missingTrustDomain }
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
        UInt8(ascii: "."), UInt8(ascii: "_"):
        continue
      default: throw .badTrustDomainCharacter
      }
    }
    self.name = String(name)
  }

  /// The SPIFFE ID of the trust domain itself, `spiffe://example.org`.
  public var id: SPIFFEID { SPIFFEID(trustDomain: self, validPath: "") }

  /// The trust domain's SPIFFE ID as text, `spiffe://example.org`.
  public var idString: String { "spiffe://" + name }

  public var description: String { name }

  public static func < (a: TrustDomain, b: TrustDomain) -> Bool { a.name < b.name }
}
