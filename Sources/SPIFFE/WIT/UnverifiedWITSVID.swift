public import FoundationEssentials
import GoSyntax

/// What a WIT-SVID says about itself, unproven. Good for its expiry and for showing it, never for authentication.
public struct UnverifiedWITSVID: Sendable {
  /// The token as it was given.
  public let token: String
  public let id: SPIFFEID
  /// The key that is said to have signed it.
  public let keyID: String
  public let algorithm: JWSAlgorithm
  /// The key whose possession its holder has to prove (`cnf.jwk`).
  public let confirmationKey: PublicKey
  /// What ``confirmationKey`` signs with (`cnf.jwk.alg`).
  public let confirmationAlgorithm: JWSAlgorithm
  public let expiry: Date
  public let notBefore: Date?
  public let issuedAt: Date?
  /// All claims.
  public let claims: JSONObject
  let signature: CompactJWS

  /// Parses a token: JWS and algorithm, type, key ID, subject, expiry, confirmation key.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedToken`.
  public init(parsing token: String) throws(SPIFFEError) {
    let jws: CompactJWS
    do { jws = try CompactJWS(parsing: token) } catch {
      throw SPIFFEError(.malformedToken, "unable to parse WIT-SVID: \(error.message)", cause: error)
    }
    guard try jws.headerString("typ") == WITSVIDEncoder.type else {
      throw SPIFFEError(.malformedToken, "token header type is not \"\(WITSVIDEncoder.type)\"")
    }
    guard let keyID = try jws.headerString("kid"), !keyID.isEmpty else {
      throw SPIFFEError(.malformedToken, "token header missing key id")
    }
    let claims = try TokenClaims(payload: jws.payload)
    guard let subject = try claims.string("sub"), !subject.isEmpty else {
      throw SPIFFEError(.malformedToken, "token missing subject claim")
    }
    do { id = try SPIFFEID(subject) } catch {
      throw SPIFFEError(.malformedToken, "token has an invalid subject claim: \(error)", cause: error)
    }
    guard let expiry = try claims.date("exp") else {
      throw SPIFFEError(.malformedToken, "token missing exp claim")
    }
    // An audience that the validator is not part of refuses a token (RFC 7519 §4.1.3), and nobody is part of one that
    // must not be there (WIT-SVID §3.8).
    guard claims.members["aud"] == nil else {
      throw SPIFFEError(.malformedToken, "token has an aud claim, which belongs into the proof of possession")
    }
    (confirmationKey, confirmationAlgorithm) = try Self.confirmation(claims.members)
    self.token = token
    self.keyID = keyID
    algorithm = jws.algorithm
    self.expiry = expiry
    notBefore = try claims.date("nbf")
    issuedAt = try claims.date("iat")
    self.claims = claims.members
    signature = jws
  }

  /// The key of `cnf` (RFC 7800 §3.2): one public key, with the algorithm that it signs with.
  private static func confirmation(_ claims: JSONObject) throws(SPIFFEError) -> (PublicKey, JWSAlgorithm) {
    guard let cnf = claims["cnf"]?.object else {
      throw SPIFFEError(.malformedToken, "token missing cnf claim")
    }
    guard cnf["jwe"] == nil, cnf["jku"] == nil else {
      throw SPIFFEError(.malformedToken, "token cnf claim names more than one key")
    }
    guard let members = cnf["jwk"]?.object else {
      throw SPIFFEError(.malformedToken, "token cnf claim has no jwk")
    }
    let key: JSONWebKey
    do { key = try JSONWebKey(members) } catch {
      throw SPIFFEError(.malformedToken, "token cnf claim has an unusable jwk: \(error.message)", cause: error)
    }
    guard let algorithm = JWSAlgorithm(rawValue: key.algorithm ?? "") else {
      let name = GoQuote.string(key.algorithm ?? "")
      throw SPIFFEError(.malformedToken, "token cnf claim has a jwk of the unsupported algorithm \(name)")
    }
    guard key.permitsVerification(with: algorithm) else {
      throw SPIFFEError(.malformedToken, "token cnf claim has a jwk that does not verify \(algorithm.rawValue)")
    }
    return (key.key, algorithm)
  }
}
