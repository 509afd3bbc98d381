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
    let claims = try Claims(payload: jws.payload)
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

  /// The payload of a JWT, read by the types of RFC 7519 §4.1; used while parsing only.
  private struct Claims {
    private let members: JSONObject

    init(payload: [UInt8]) throws(SPIFFEError) {
      let limits = JSONLimits(maximumBytes: CompactJWS.maximumSize, maximumDepth: 32, rejectsDuplicates: true)
      let value: JSONValue
      do { value = try JSONValue(parsing: payload, limits: limits) } catch {
        throw SPIFFEError(.malformedToken, "token claims are not JSON: \(error.message)", cause: error)
      }
      guard let members = value.object else {
        throw SPIFFEError(.malformedToken, "token claims are not a JSON object")
      }
      self.members = members
    }

    func string(_ name: String) throws(SPIFFEError) -> String? {
      guard let value = members[name], !value.isNull else { return nil }
      guard let text = value.string else {
        throw SPIFFEError(.malformedToken, "token claim \"\(name)\" is not a string")
      }
      return text
    }

    /// Seconds since 1970, cut to whole ones.
    func date(_ name: String) throws(SPIFFEError) -> Date? {
      guard let value = members[name], !value.isNull else { return nil }
      guard let seconds = value.integer else {
        throw SPIFFEError(
          .malformedToken, "go-jose/go-jose/jwt: expected number value to unmarshal NumericDate (claim \"\(name)\")")
      }
      return Date(timeIntervalSince1970: Double(seconds))
    }

    func audience() throws(SPIFFEError) -> [String]? {
      guard let value = members["aud"], !value.isNull else { return nil }
      if let one = value.string { return [one] }
      let all = value.array?.compactMap(\.string)
      guard let all, all.count == value.array?.count else {
        throw SPIFFEError(
          .malformedToken, "go-jose/go-jose/jwt: expected string or array value to unmarshal to Audience")
      }
      return all
    }

    func normalised(audience: [String]?) -> JSONObject {
      var members = members
      if let audience { members["aud"] = .array(audience.map { .string($0) }) }
      return members
    }
  }
}
