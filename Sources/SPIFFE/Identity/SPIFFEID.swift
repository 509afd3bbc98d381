/// A SPIFFE ID: a trust domain and a path, for example `spiffe://example.org/ns/default/sa/web` (SPIFFE-ID §2).
///
/// A value of this type is always well formed. It is parsed once, never normalised, and compared byte by byte.
public struct SPIFFEID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The longest ID that every implementation must accept, in bytes (SPIFFE-ID §2.3).
  public static let maximumLength = 2048

  public let trustDomain: TrustDomain
  /// The path with its leading slash, or the empty string for the trust domain's own ID.
  public let path: String

  /// Parses the text of a SPIFFE ID.
  ///
  /// - Throws: ``SPIFFEIDError`` that says which rule the text breaks.
  public init(_ text: String) throws(SPIFFEIDError) {
    guard !text.isEmpty else { throw .empty }
    guard text.utf8.starts(with: "spiffe://".utf8) else { throw .wrongScheme }
    let rest = text.utf8.dropFirst("spiffe://".utf8.count)
    let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
    trustDomain = try TrustDomain(name: Substring(rest[..<slash]))
    path = String(Substring(rest[slash...]))
    try Self.validate(path: path)
  }

  /// The ID of `path` (empty, or with a leading slash) in `trustDomain`.
  public init(trustDomain: TrustDomain, path: String) throws(SPIFFEIDError) {
    try Self.validate(path: path)
    self.init(trustDomain: trustDomain, validPath: path)
  }

  init(trustDomain: TrustDomain, validPath: String) {
    self.trustDomain = trustDomain
    self.path = validPath
  }

  /// Whether the ID belongs to `trustDomain`.
  public func isMember(of trustDomain: TrustDomain) -> Bool { self.trustDomain == trustDomain }

  public var description: String { "spiffe://" + trustDomain.name + path }

  public static func < (a: SPIFFEID, b: SPIFFEID) -> Bool {
    a.trustDomain == b.trustDomain ? a.path < b.path : a.trustDomain < b.trustDomain
  }

  /// Checks a path: empty, or segments of `a-z A-Z 0-9 . - _`, none of them empty, `.` or `..`, no trailing slash.
  public static func validate(path: String) throws(SPIFFEIDError) {
    let bytes = path.utf8
    guard let first = bytes.first else { return }
    guard first == UInt8(ascii: "/") else { throw .noLeadingSlash }
    var length = 0
    var dots = 0
    for byte in bytes.dropFirst() {
      switch byte {
      case UInt8(ascii: "/"):
        if length == 0 { throw .emptySegment }
        if dots == length && length <= 2 { throw .dotSegment }
        length = 0
        dots = 0
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        length += 1
      case UInt8(ascii: "."):
        length += 1
        dots += 1
      default: throw .badPathSegmentCharacter
      }
    }
    if length == 0 { throw .trailingSlash }
    if dots == length && length <= 2 { throw .dotSegment }
  }
}
