/// Builds the claims of WIT-SVIDs (WIT-SVID §3) for the authority that signs them. Signing input and token are made as
/// ``JWTSVIDEncoder`` makes them, with the type ``type``.
public enum WITSVIDEncoder {
  /// The `typ` header of every WIT-SVID.
  public static let type = "wit+jwt"

  /// The claims of a WIT-SVID.
  ///
  /// - Parameters:
  ///   - confirmationKey: the workload's public key.
  ///   - algorithm: what the workload signs with that key; it has to fit the key.
  ///   - expiresAt: seconds since 1970.
  ///   - issuedAt: seconds since 1970.
  ///   - issuer: should not be the address of an OIDC issuer, whose clients would take the token for one that needs no
  ///     proof of possession (WIT-SVID §3.7).
  public static func claims(
    subject: SPIFFEID, confirmationKey: PublicKey, algorithm: JWSAlgorithm, expiresAt: Int64, issuedAt: Int64? = nil,
    issuer: String? = nil
  ) -> JSONObject {
    let jwk = JSONWebKey(key: confirmationKey, algorithm: algorithm.rawValue).json
    var claims: JSONObject = [
      "cnf": .object(["jwk": .object(jwk)]),
      "exp": .int(expiresAt),
      "sub": .string(subject.description),
    ]
    if let issuedAt { claims["iat"] = .int(issuedAt) }
    if let issuer, !issuer.isEmpty { claims["iss"] = .string(issuer) }
    return claims
  }
}
