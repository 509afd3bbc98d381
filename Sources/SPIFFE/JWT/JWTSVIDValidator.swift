public import FoundationEssentials
import GoSyntax

/// Validates JWT-SVIDs (JWT-SVID §6) without I/O.
///
/// Checks happen in the order of the SPIRE agent, with its messages: parsing and algorithm, key ID, subject, expiry
/// present, SPIFFE ID, key lookup, signature, audience, time.
public enum JWTSVIDValidator {
  /// What a deployment may vary.
  public struct Options: Hashable, Sendable {
    /// Whether a `typ` header other than `JWT` and `JOSE` is refused (JWT-SVID §2.3). The SPIRE agent does not look.
    public var checksType: Bool
    /// How far the clocks may differ, in seconds, for `exp`, `nbf` and `iat`.
    public var leeway: Double

    public init(checksType: Bool = true, leeway: Double = 60) {
      self.checksType = checksType
      self.leeway = leeway
    }

    /// What the SPIRE agent's Workload API does.
    public static let agent = Options(checksType: false)
  }

  /// Validates `token`.
  ///
  /// - Parameters:
  ///   - audience: the names of the party that got the token; the token must be for one of them.
  ///   - now: the time to validate at.
  ///   - keys: finds the key by the trust domain of the subject and the token's key ID.
  /// - Throws: ``SPIFFEError`` with code `malformedToken`, `unknownTrustDomain`, `unknownKey`, `invalidSignature`,
  ///   `wrongAudience`, `tokenExpired` or `tokenNotYetValid`.
  public static func validate(
    token: String, audience: [String], now: Date, options: Options = .init(),
    keys: (TrustDomain, String) -> JWTKeyLookup
  ) throws(SPIFFEError) -> JWTSVID {
    let svid = try parseUnverified(token)
    if options.checksType, let type = svid.type, type != "JWT", type != "JOSE" {
      throw SPIFFEError(.malformedToken, "token header type not equal to either JWT or JOSE")
    }
    switch keys(svid.id.trustDomain, svid.keyID) {
    case .unknownTrustDomain:
      throw SPIFFEError(.unknownTrustDomain, "no keys found for trust domain \"\(svid.id.trustDomain)\"")
    case .unknownKey:
      let keyID = GoQuote.string(svid.keyID)
      throw SPIFFEError(.unknownKey, "public key \(keyID) not found in trust domain \"\(svid.id.trustDomain)\"")
    case .found(let key):
      guard svid.signature.isSigned(by: key) else {
        throw SPIFFEError(.invalidSignature, "go-jose/go-jose: error in cryptographic primitive")
      }
    }
    try checkClaims(svid, audience: audience, now: now, leeway: options.leeway)
    return JWTSVID(verified: svid)
  }

  /// Validates `token` against the keys of some bundles.
  public static func validate(
    token: String, audience: [String], now: Date, options: Options = .init(), keys: JWTKeySet
  ) throws(SPIFFEError) -> JWTSVID {
    try validate(token: token, audience: audience, now: now, options: options) { keys.lookup($0, $1) }
  }

  /// Reads a token without proof of anything.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedToken`.
  public static func parseUnverified(_ token: String) throws(SPIFFEError) -> UnverifiedJWTSVID {
    try UnverifiedJWTSVID(parsing: token)
  }

  private static func checkClaims(
    _ svid: UnverifiedJWTSVID, audience: [String], now: Date, leeway: Double
  ) throws(SPIFFEError) {
    // Byte by byte: names that look alike are different audiences.
    let isAddressed = audience.contains { wanted in
      svid.audience.contains { $0.utf8.elementsEqual(wanted.utf8) }
    }
    guard isAddressed else {
      throw SPIFFEError(
        .wrongAudience,
        "expected audience in \(GoQuote.list(audience)) (audience=\(GoQuote.list(svid.audience)))")
    }
    if let notBefore = svid.notBefore, now.addingTimeInterval(leeway) < notBefore {
      throw SPIFFEError(
        .tokenNotYetValid, "go-jose/go-jose/jwt: validation failed, token not valid yet (nbf)")
    }
    guard now.addingTimeInterval(-leeway) <= svid.expiry else {
      throw SPIFFEError(.tokenExpired, "token has expired")
    }
    if let issuedAt = svid.issuedAt, now.addingTimeInterval(leeway) < issuedAt {
      throw SPIFFEError(
        .tokenNotYetValid, "go-jose/go-jose/jwt: validation field, token issued in the future (iat)")
    }
  }
}
