/// Why the library refused a key, certificate, token or document.
///
/// Two errors are equal when their codes are equal: callers decide by `code`, people read `message`.
public struct SPIFFEError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of failure. Decide by it; the message is for people and may change.
  public enum Code: String, Hashable, Sendable {
    /// The text is not JSON within the limits.
    case malformedJSON
    /// The text is not canonical base64 or base64url.
    case malformedBase64
    /// A PEM block is not closed, or its body is not base64.
    case malformedPEM
    /// The bytes are not DER of the expected shape.
    case malformedDER
    /// The key cannot be read: bad encoding, a point off its curve, a missing JWK member.
    case malformedKey
    /// The key is of a type, curve or size that SPIFFE does not use.
    case unsupportedKey
    /// The certificate cannot be parsed, or contradicts itself.
    case malformedCertificate
    /// The leaf breaks a rule of X509-SVID §4 and §5.
    case invalidX509SVID
    /// No path leads from the leaf to an authority of the bundle.
    case unknownAuthority
    /// There is no bundle for the trust domain of the SVID.
    case unknownTrustDomain
    /// A certificate of the path is not valid at the given time.
    case expired
    /// A path exists, but a certificate on it may not sign what it signed (RFC 5280 §6).
    case invalidPath
    /// The chain is longer or larger than the verifier is willing to look at.
    case chainTooLong
    /// The bundle document breaks a rule of the SPIFFE bundle format.
    case invalidBundle
    /// The token is not a compact JWS with a permitted algorithm, or lacks a required member.
    case malformedToken
    /// The token's signing key is not in the bundle of its trust domain.
    case unknownKey
    /// The signature does not match.
    case invalidSignature
    /// The token is for another audience.
    case wrongAudience
    /// The token has expired.
    case tokenExpired
    /// The token is not valid yet, or was issued in the future.
    case tokenNotYetValid
  }

  public let code: Code
  /// What was wrong and where. Where clients of other implementations match on a text, it is the same text.
  public let message: String
  /// The error underneath, if there is one.
  public let cause: (any Error)?

  public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  public var description: String { message }

  public static func == (a: Self, b: Self) -> Bool { a.code == b.code }

  public func hash(into hasher: inout Hasher) { hasher.combine(code) }
}
