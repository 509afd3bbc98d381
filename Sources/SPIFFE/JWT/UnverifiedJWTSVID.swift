public import FoundationEssentials

/// What a JWT-SVID says about itself, unproven. Good for its expiry and for showing it, never for authentication.
public struct UnverifiedJWTSVID: Sendable {
  /// The token as it was given.
  public let token: String
  public let id: SPIFFEID
  /// The key that is said to have signed it.
  public let keyID: String
  public let algorithm: JWSAlgorithm
  /// The `typ` header, if there is one.
  public let type: String?
  public let audience: [String]
  public let expiry: Date
  public let notBefore: Date?
  public let issuedAt: Date?
  /// All claims, with `aud` as a list.
  public let claims: JSONObject
  let signature: CompactJWS
}
