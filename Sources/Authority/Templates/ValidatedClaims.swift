import SPIFFE

/// Claims that passed the rules of a JWT-SVID or a WIT-SVID after composition (server-behaviour §4.5). Only these can be signed.
struct ValidatedClaims: Sendable {
  let claims: JSONObject

  /// - Throws: ``AuthorityError``, `invalid JWT-SVID: …`.
  init(
    _ claims: JSONObject, id: SPIFFEID, at now: Int64, kind: TokenKind = .jwt
  ) throws(AuthorityError) {
    if let reason = Self.problem(claims, id, now) ?? Self.problem(claims, kind) {
      throw AuthorityError(.internal, "invalid \(kind.document): \(reason)")
    }
    self.claims = claims
  }

  private static func problem(_ claims: JSONObject, _ id: SPIFFEID, _ now: Int64) -> String? {
    guard claims["sub"]?.string == id.description else {
      return "sub claim is not \"\(id)\""
    }
    guard let expiry = claims["exp"]?.integer else { return "missing exp claim" }
    guard expiry > now else { return "token has already expired" }
    if let notBefore = claims["nbf"] {
      guard let start = notBefore.integer, start <= now else { return "token is not valid yet" }
    }
    return nil
  }

  /// A JWT-SVID names its audience, a WIT-SVID the key of its holder and never an audience.
  private static func problem(_ claims: JSONObject, _ kind: TokenKind) -> String? {
    if kind == .wit {
      guard claims["cnf"]?.object?["jwk"]?.object?["alg"]?.string != nil else { return "missing cnf claim" }
      return claims["aud"] == nil ? nil : "aud claim is not allowed"
    }
    guard let audience = claims["aud"]?.array, !audience.isEmpty else { return "missing aud claim" }
    guard audience.allSatisfy({ $0.string?.isEmpty == false }) else { return "aud claim contains an empty string" }
    return nil
  }
}
