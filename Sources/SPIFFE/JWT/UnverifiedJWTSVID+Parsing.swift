import FoundationEssentials

extension UnverifiedJWTSVID {
  /// Parses a token in the order of the SPIRE agent: JWS and algorithm, key ID, subject, expiry, SPIFFE ID.
  ///
  /// - Throws: ``SPIFFEError`` with code `malformedToken`.
  public init(parsing token: String) throws(SPIFFEError) {
    let jws: CompactJWS
    do { jws = try CompactJWS(parsing: token) } catch {
      throw SPIFFEError(.malformedToken, "unable to parse JWT token: \(error.message)", cause: error)
    }
    guard let keyID = try jws.headerString("kid"), !keyID.isEmpty else {
      throw SPIFFEError(.malformedToken, "token header missing key id")
    }
    let claims = try TokenClaims(payload: jws.payload)
    guard let subject = try claims.string("sub"), !subject.isEmpty else {
      throw SPIFFEError(.malformedToken, "token missing subject claim")
    }
    let audience = try claims.audience()
    let expiry = try claims.date("exp")
    let notBefore = try claims.date("nbf")
    let issuedAt = try claims.date("iat")
    guard let expiry else { throw SPIFFEError(.malformedToken, "token missing exp claim") }
    let id: SPIFFEID
    do { id = try SPIFFEID(subject) } catch {
      // The wording is upstream's.
      throw SPIFFEError(.malformedToken, "token has in invalid subject claim: \(error)", cause: error)
    }
    self.init(
      token: token, id: id, keyID: keyID, algorithm: jws.algorithm, type: try jws.headerString("typ"),
      audience: audience ?? [], expiry: expiry, notBefore: notBefore, issuedAt: issuedAt,
      claims: claims.normalised(audience: audience), signature: jws)
  }
}
