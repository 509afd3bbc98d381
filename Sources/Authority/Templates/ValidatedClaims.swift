import SPIFFE

/// Claims that passed the rules of a JWT-SVID after composition (server-behaviour §4.5). Only these can be signed.
struct ValidatedClaims: Sendable {
  let claims: JSONObject

  /// - Throws: ``AuthorityError``, `invalid JWT-SVID: …`.
  init(_ claims: JSONObject, id: SPIFFEID, at now: Int64) throws(AuthorityError) {
    if let reason = Self.problem(claims, id, now) { throw AuthorityError(.internal, "invalid JWT-SVID: \(reason)") }
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
    guard let audience = claims["aud"]?.array, !audience.isEmpty else { return "missing aud claim" }
    guard audience.allSatisfy({ $0.string?.isEmpty == false }) else { return "aud claim contains an empty string" }
    return nil
  }
}
