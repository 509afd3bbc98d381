public import FoundationEssentials

/// A JWT-SVID whose signature, lifetime and audience were valid when it was checked.
///
/// Only ``JWTSVIDValidator`` makes one.
public struct JWTSVID: Sendable {
  /// The token as it was given. A bearer token: never log it.
  public let token: String
  /// The subject.
  public let id: SPIFFEID
  public let audience: [String]
  public let expiry: Date
  public let issuedAt: Date?
  /// All claims, with `aud` as a list.
  public let claims: JSONObject

  init(verified svid: UnverifiedJWTSVID) {
    token = svid.token
    id = svid.id
    audience = svid.audience
    expiry = svid.expiry
    issuedAt = svid.issuedAt
    claims = svid.claims
  }
}
