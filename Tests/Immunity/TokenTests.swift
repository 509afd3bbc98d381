import Crypto
import Foundation
import SPIFFE
import Testing

/// Tokens that bring their own key, or say where it lies. Their origins are in docs/security/immunity.md.
@Suite struct TokenTests {
  private let key = P256.Signing.PrivateKey()
  private let attacker = P256.Signing.PrivateKey()
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  private func refusal(header: String, signedBy signer: P256.Signing.PrivateKey) throws -> SPIFFEError? {
    let claims = #"{"sub":"spiffe://example.org/web","aud":["a"],"exp":1800000300,"iat":1800000000}"#
    let input = Base64.encodeURL(Array(header.utf8)) + "." + Base64.encodeURL(Array(claims.utf8))
    let signature = try signer.signature(for: Array(input.utf8)).rawRepresentation
    let authority = JWTAuthority(publicKey: Array(key.publicKey.derRepresentation), keyID: "k1")
    let keys = JWTKeySet([Bundle(trustDomain: try TrustDomain("example.org"), jwtAuthorities: [authority])])
    do {
      _ = try JWTSVIDValidator.validate(
        token: input + "." + Base64.encodeURL(Array(signature)), audience: ["a"], now: now, keys: keys)
      return nil
    } catch { return error }
  }

  /// The attacker's key in the token's own header, under each name that there is for it: a key of a bundle is asked for,
  /// by its number, and no other.
  @Test(arguments: ["jwk", "x5c", "jku", "x5u", "x5t"]) func theKeyThatATokenBringsIsNotUsed(_ name: String) throws {
    let point = Array(attacker.publicKey.x963Representation.dropFirst())
    let values = [
      "jwk":
        #"{"kty":"EC","crv":"P-256","kid":"k1","x":"\#(Base64.encodeURL(Array(point[..<32])))","y":"\#(Base64.encodeURL(Array(point[32...])))"}"#,
      "x5c": #"["\#(Base64.encode(Array(attacker.publicKey.derRepresentation)))"]"#,
      "jku": #""http://127.0.0.1:1/keys""#, "x5u": #""file:///etc/passwd""#, "x5t": #""AAAA""#,
    ]
    let header = #"{"alg":"ES256","kid":"k1","typ":"JWT","\#(name)":\#(values[name] ?? "")}"#
    #expect(try refusal(header: header, signedBy: attacker)?.code == .invalidSignature)
    #expect(try refusal(header: header, signedBy: key) == nil)
    let without = #"{"alg":"ES256","typ":"JWT","\#(name)":\#(values[name] ?? "")}"#
    #expect(try refusal(header: without, signedBy: attacker) != nil)
  }

  /// The number of a key is a name to compare: no file, no statement, no pattern.
  @Test(arguments: ["../../../../dev/null", "/proc/self/environ", "k1' OR '1'='1", "*", "k1\\u0000", "K1", " k1", ""])
  func theNumberOfAKeyIsOnlyCompared(_ number: String) throws {
    let header = #"{"alg":"ES256","kid":"\#(number)","typ":"JWT"}"#
    let code = try refusal(header: header, signedBy: key)?.code
    #expect(
      code == .unknownKey || number.isEmpty && code == .malformedToken, "\(number): \(code.map { "\($0)" } ?? "")")
  }
}
