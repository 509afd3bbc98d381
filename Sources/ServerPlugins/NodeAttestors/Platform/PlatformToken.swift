import Daemon
import FoundationEssentials
import SPIFFE

/// The claims of a token that a platform signed for its node, once all of it is verified: the signature with one of the
/// platform's keys, the audience, the time. Only ``verify(_:keys:audience:leeway:at:)`` and
/// ``Signed/verified(audience:leeway:at:)`` make one.
struct PlatformToken: Sendable {
  let claims: JSONObject

  private init(claims: JSONObject) { self.claims = claims }

  /// Why a token is refused, in the words of upstream's library.
  struct Refusal: Error {
    enum Step { case parsing, key, signature, claims }
    let step: Step
    let text: String
  }

  /// What a token without a key ID is refused with.
  static let missingKeyID = "missing key ID in token header"
  /// The longest token that is looked at. In bytes.
  private static let maximumSize = 16 << 10

  /// The claims of a token whose signature one of the platform's keys verified, for those who must look into it to know
  /// which audience it must have. Only ``signed(_:keys:algorithms:)`` makes one.
  struct Signed: Sendable {
    let claims: JSONObject

    fileprivate init(claims: JSONObject) { self.claims = claims }

    /// Checks the rest of the token.
    func verified(audience: String, leeway: Duration, at now: Date) throws(Refusal) -> PlatformToken {
      try PlatformToken.check(claims, audience, leeway, now)
      return PlatformToken(claims: claims)
    }
  }

  /// - Parameters:
  ///   - bytes: a JWT in the compact form, signed with RS256.
  ///   - audience: one of the token's audiences must be this.
  ///   - leeway: how far the two clocks may be apart.
  static func verify(
    _ bytes: [UInt8], keys: PlatformKeys, audience: String, leeway: Duration, at now: Date
  ) async throws -> PlatformToken {
    try await signed(bytes, keys: keys, algorithms: [.rs256]).verified(audience: audience, leeway: leeway, at: now)
  }

  /// - Parameters:
  ///   - bytes: a JWT in the compact form.
  ///   - algorithms: that the platform may sign with.
  static func signed(
    _ bytes: [UInt8], keys: PlatformKeys, algorithms: [JWSAlgorithm]
  ) async throws -> Signed {
    guard bytes.count <= maximumSize else {
      throw Refusal(step: .parsing, text: "the token has more than \(maximumSize) bytes")
    }
    let message: CompactJWS
    do { message = try CompactJWS(parsing: String(decoding: bytes, as: UTF8.self)) } catch {
      throw Refusal(step: .parsing, text: error.message)
    }
    guard algorithms.contains(message.algorithm) else {
      let expected = algorithms.map { GoText.quote($0.rawValue) }.joined(separator: " ")
      throw Refusal(
        step: .parsing,
        text: "unexpected signature algorithm \(GoText.quote(message.algorithm.rawValue)); expected [\(expected)]")
    }
    guard let id = message.header["kid"]?.string, !id.isEmpty, id.utf8.count <= 256 else {
      throw Refusal(step: .key, text: missingKeyID)
    }
    guard let key = try await keys.key(id) else {
      throw Refusal(step: .key, text: "key id \(GoText.quote(id)) not found")
    }
    guard message.isSigned(by: key) else {
      throw Refusal(step: .signature, text: "go-jose/go-jose: error in cryptographic primitive")
    }
    let limits = JSONLimits(maximumBytes: maximumSize, maximumDepth: 16, rejectsDuplicates: true)
    guard let claims = try? JSONValue(parsing: message.payload, limits: limits).object else {
      throw Refusal(step: .parsing, text: "the token's claims are no JSON object")
    }
    return Signed(claims: claims)
  }

  private static func check(
    _ claims: JSONObject, _ audience: String, _ leeway: Duration, _ now: Date
  ) throws(Refusal) {
    func refused(_ text: String) -> Refusal {
      Refusal(step: .claims, text: "go-jose/go-jose/jwt: validation failed, \(text)")
    }
    let audiences = claims["aud"]?.array?.compactMap(\.string) ?? [claims["aud"]?.string].compactMap { $0 }
    guard audiences.contains(audience) else { throw refused("invalid audience claim (aud)") }
    let now = Int64(now.timeIntervalSince1970)
    let leeway = leeway.components.seconds
    // A token without an end would be good for ever.
    guard let expiry = claims["exp"]?.integer else { throw refused("the token has no end (exp)") }
    guard expiry >= now - leeway else { throw refused("token is expired (exp)") }
    if let start = claims["nbf"]?.integer, start > now + leeway { throw refused("token not valid yet (nbf)") }
    if let issued = claims["iat"]?.integer, issued > now + leeway {
      throw refused("token issued in the future (iat)")
    }
  }
}
