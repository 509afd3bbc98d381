import FoundationEssentials

/// The payload of a JWT, read by the types of RFC 7519 §4.1; used while JWT-SVIDs and WIT-SVIDs are parsed.
struct TokenClaims {
  let members: JSONObject

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
