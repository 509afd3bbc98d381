/// Builds the bytes of JWT-SVIDs (JWT-SVID §2 and §3) for the authority that signs them.
///
/// Header and claims come out as upstream writes them: no spaces, members sorted by name.
public enum JWTSVIDEncoder {
  /// The claims of a JWT-SVID.
  ///
  /// - Parameters:
  ///   - audience: who the token is for; always written as a list.
  ///   - expiresAt: seconds since 1970.
  ///   - issuedAt: seconds since 1970.
  ///   - extra: further claims. One with the name of a claim above replaces it.
  public static func claims(
    subject: SPIFFEID, audience: [String], expiresAt: Int64, issuedAt: Int64? = nil, issuer: String? = nil,
    jwtID: String? = nil, extra: JSONObject = [:]
  ) -> JSONObject {
    var claims: JSONObject = [
      "aud": .array(audience.map { .string($0) }),
      "exp": .int(expiresAt),
      "sub": .string(subject.description),
    ]
    if let issuedAt { claims["iat"] = .int(issuedAt) }
    if let issuer, !issuer.isEmpty { claims["iss"] = .string(issuer) }
    if let jwtID, !jwtID.isEmpty { claims["jti"] = .string(jwtID) }
    for member in extra.members { claims[member.name] = member.value }
    return claims
  }

  /// What is signed: base64url header, a dot, base64url claims, as ASCII bytes.
  public static func signingInput(
    algorithm: JWSAlgorithm, keyID: String, type: String = "JWT", claims: JSONObject
  ) -> [UInt8] {
    signingInput(prefix: prefix(algorithm: algorithm, keyID: keyID, type: type), claims: claims)
  }

  /// What all tokens of one key begin with: base64url header and a dot. Made once per key.
  package static func prefix(algorithm: JWSAlgorithm, keyID: String, type: String = "JWT") -> [UInt8] {
    let header: JSONObject = ["alg": .string(algorithm.rawValue), "kid": .string(keyID), "typ": .string(type)]
    var prefix: [UInt8] = []
    Base64.appendURL(JSONValue.object(header).encoded(.sorted), to: &prefix)
    prefix.append(UInt8(ascii: "."))
    return prefix
  }

  /// What is signed, from the ``prefix(algorithm:keyID:type:)`` of the key.
  package static func signingInput(prefix: [UInt8], claims: JSONObject) -> [UInt8] {
    var input: [UInt8] = []
    input.reserveCapacity(512)
    input.append(contentsOf: prefix)
    Base64.appendURL(JSONValue.object(claims).encoded(.sorted), to: &input)
    return input
  }

  /// The token: the signed bytes, a dot, the base64url signature.
  ///
  /// - Parameter signature: for ES algorithms r and s, each as long as a coordinate; for RS and PS as it is.
  public static func token(signingInput: [UInt8], signature: some Collection<UInt8>) -> String {
    var token = signingInput
    token.append(UInt8(ascii: "."))
    Base64.appendURL(signature, to: &token)
    return String(decoding: token, as: UTF8.self)
  }
}
