public import FoundationEssentials
import GoSyntax

/// Validates WIT-SVIDs (WIT-SVID §2 to §4) without I/O.
///
/// Checks happen in this order: parsing and algorithm, type, key ID, subject, expiry present, confirmation key, key
/// lookup, signature, time. What it returns says whose key ``WITSVID/confirmationKey`` is; the caller still has to see
/// that the other side holds it.
public enum WITSVIDValidator {
  /// Validates `token`.
  ///
  /// - Parameters:
  ///   - now: the time to validate at.
  ///   - leeway: how far the clocks may differ, in seconds, for `exp` and `nbf`; the standard wants at most two minutes
  ///     (§3.4).
  ///   - keys: finds the WIT key by the trust domain of the subject and the token's key ID.
  /// - Throws: ``SPIFFEError`` with code `malformedToken`, `unknownTrustDomain`, `unknownKey`, `invalidSignature`,
  ///   `tokenExpired` or `tokenNotYetValid`.
  public static func validate(
    token: String, now: Date, leeway: Double = 60, keys: (TrustDomain, String) -> JWTKeyLookup
  ) throws(SPIFFEError) -> WITSVID {
    let svid = try parseUnverified(token)
    let domain = svid.id.trustDomain
    switch keys(domain, svid.keyID) {
    case .unknownTrustDomain:
      throw SPIFFEError(.unknownTrustDomain, "no WIT keys found for trust domain \"\(domain)\"")
    case .unknownKey:
      throw SPIFFEError(
        .unknownKey, "WIT key \(GoQuote.string(svid.keyID)) not found in trust domain \"\(domain)\"")
    case .found(let key):
      guard svid.signature.isSigned(by: key) else {
        throw SPIFFEError(.invalidSignature, "token is not signed by WIT key \(GoQuote.string(svid.keyID))")
      }
    }
    // `iat` does not count (§3.6).
    if let notBefore = svid.notBefore, now.addingTimeInterval(leeway) < notBefore {
      throw SPIFFEError(.tokenNotYetValid, "token is not valid yet")
    }
    guard now.addingTimeInterval(-leeway) < svid.expiry else {
      throw SPIFFEError(.tokenExpired, "token has expired")
    }
    return WITSVID(verified: svid)
  }

  /// Validates `token` against the WIT keys of some bundles.
  public static func validate(
    token: String, now: Date, leeway: Double = 60, keys: WITKeySet
  ) throws(SPIFFEError) -> WITSVID {
    try validate(token: token, now: now, leeway: leeway) { keys.lookup($0, $1) }
  }

  /// Reads a token without proof of anything.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedToken`.
  public static func parseUnverified(_ token: String) throws(SPIFFEError) -> UnverifiedWITSVID {
    try UnverifiedWITSVID(parsing: token)
  }
}
