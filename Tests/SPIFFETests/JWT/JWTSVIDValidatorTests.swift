import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import SPIFFE

@Suite("JWT-SVID validator")
struct JWTSVIDValidatorTests {
  private let key = P256.Signing.PrivateKey()
  private let keys: JWTKeySet
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  init() throws {
    let authority = JWTAuthority(publicKey: PublicKey(key.publicKey).pkix, keyID: "k1")
    let broken = JWTAuthority(publicKey: [1], keyID: "broken")
    keys = JWTKeySet([Bundle(trustDomain: try TrustDomain("example.org"), jwtAuthorities: [authority, broken])])
  }

  private func sign(header: String, payload: String) throws -> String {
    let input = Base64.encodeURL(Array(header.utf8)) + "." + Base64.encodeURL(Array(payload.utf8))
    let signature = try key.signature(for: Array(input.utf8)).rawRepresentation
    return JWTSVIDEncoder.token(signingInput: Array(input.utf8), signature: signature)
  }

  private func token(
    header: String = #"{"alg":"ES256","kid":"k1","typ":"JWT"}"#, claims changes: JSONObject = [:],
    without: String? = nil
  ) throws -> String {
    var claims = JWTSVIDEncoder.claims(
      subject: try SPIFFEID("spiffe://example.org/web"), audience: ["a", "b"], expiresAt: 1_800_000_300,
      issuedAt: 1_800_000_000, extra: changes)
    if let without { claims[without] = nil }
    return try sign(header: header, payload: JSONValue.object(claims).text(.sorted))
  }

  private func failure(
    _ token: String, audience: [String] = ["b"], options: JWTSVIDValidator.Options = .init(), at date: Date? = nil
  ) -> SPIFFEError? {
    do {
      _ = try JWTSVIDValidator.validate(
        token: token, audience: audience, now: date ?? now, options: options, keys: keys)
      return nil
    } catch { return error }
  }

  @Test("accepts a good token and hands out its claims")
  func accepted() throws {
    let token = try token(claims: ["team": "x", "n": 1.5])
    let svid = try JWTSVIDValidator.validate(token: token, audience: ["c", "b"], now: now, keys: keys)
    #expect(svid.id.description == "spiffe://example.org/web")
    #expect(svid.audience == ["a", "b"])
    #expect(svid.expiry == Date(timeIntervalSince1970: 1_800_000_300))
    #expect(svid.issuedAt == now)
    #expect(svid.claims["team"] == "x")
    #expect(svid.token == token)
  }

  @Test("hands out the audience as a list")
  func audienceList() throws {
    let token = try token(claims: ["aud": "b"])
    let svid = try JWTSVIDValidator.validate(token: token, audience: ["b"], now: now, keys: keys)
    #expect(svid.claims["aud"] == ["b"])
  }

  @Test(
    "refuses algorithms that JWT-SVID forbids, before anything else",
    arguments: ["none", "HS256", "EdDSA", "es256", ""])
  func algorithms(name: String) throws {
    let error = failure(try token(header: #"{"alg":"\#(name)"}"#))
    #expect(error?.code == .malformedToken)
    #expect(
      error?.message
        == "unable to parse JWT token: unexpected signature algorithm \"\(name)\"; expected "
        + #"["RS256" "RS384" "RS512" "ES256" "ES384" "ES512" "PS256" "PS384" "PS512"]"#)
    let unsigned = Base64.encodeURL(Array(#"{"alg":"\#(name)","kid":"k1"}"#.utf8)) + ".e30."
    #expect(failure(unsigned)?.code == .malformedToken)
  }

  @Test("refuses a token whose algorithm is not that of the key", arguments: ["ES384", "ES512", "RS256", "PS512"])
  func wrongAlgorithm(name: String) throws {
    #expect(failure(try token(header: #"{"alg":"\#(name)","kid":"k1"}"#))?.code == .invalidSignature)
  }

  @Test("refuses a public key used as a shared secret")
  func confusion() throws {
    let input = Base64.encodeURL(Array(#"{"alg":"HS256","kid":"k1"}"#.utf8)) + "." + Base64.encodeURL(Array("{}".utf8))
    let code = HMAC<SHA256>.authenticationCode(
      for: Array(input.utf8), using: SymmetricKey(data: PublicKey(key.publicKey).pkix))
    #expect(failure(input + "." + Base64.encodeURL(Array(code)))?.code == .malformedToken)
  }

  @Test("refuses header members that are missing, repeated or critical")
  func headers() throws {
    #expect(failure(try token(header: #"{"alg":"ES256"}"#))?.message == "token header missing key id")
    #expect(failure(try token(header: #"{"alg":"ES256","kid":""}"#))?.message == "token header missing key id")
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"k1","kid":"k2"}"#))?.code == .malformedToken)
    #expect(failure(try token(header: #"{"alg":"none","alg":"ES256","kid":"k1"}"#))?.code == .malformedToken)
    #expect(failure(try token(header: #"{"alg":"ES256","kid":["k1"]}"#))?.code == .malformedToken)
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"k1","crit":["exp"]}"#))?.code == .malformedToken)
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"k1","b64":false}"#))?.code == .malformedToken)
    #expect(failure(try token(header: "[]"))?.code == .malformedToken)
    let embedded = JSONValue.object(PublicKey(P256.Signing.PrivateKey().publicKey).jwk.json).text()
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"k1","jwk":\#(embedded)}"#)) == nil, "never used")
  }

  @Test("checks typ by the standard, or not at all as the SPIRE agent")
  func type() throws {
    for type in ["JWT", "JOSE"] {
      #expect(failure(try token(header: #"{"alg":"ES256","kid":"k1","typ":"\#(type)"}"#)) == nil)
    }
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"k1"}"#)) == nil)
    let other = try token(header: #"{"alg":"ES256","kid":"k1","typ":"wit+jwt"}"#)
    #expect(failure(other)?.code == .malformedToken)
    #expect(failure(other, options: .agent) == nil)
  }

  @Test("needs subject, expiry and audience of the right types")
  func claims() throws {
    #expect(failure(try token(without: "sub"))?.message == "token missing subject claim")
    #expect(failure(try token(claims: ["sub": ""]))?.message == "token missing subject claim")
    #expect(failure(try token(without: "exp"))?.message == "token missing exp claim")
    #expect(failure(try token(claims: ["exp": .null]))?.message == "token missing exp claim")
    #expect(failure(try token(without: "aud"))?.message == #"expected audience in ["b"] (audience=[])"#)
    #expect(
      failure(try token(claims: ["sub": "web"]))?.message
        == "token has in invalid subject claim: scheme is missing or invalid")
    let badTypes: [JSONObject] = [
      ["sub": 1], ["exp": "1800000300"], ["exp": 1e300], ["iat": "x"], ["nbf": true], ["aud": 1], ["aud": ["a", 1]],
    ].map { (object: JSONObject) in object }
    for changes in badTypes {
      #expect(failure(try token(claims: changes))?.code == .malformedToken, "\(changes)")
    }
    #expect(failure(try sign(header: #"{"alg":"ES256","kid":"k1"}"#, payload: "[]"))?.code == .malformedToken)
    #expect(failure(try sign(header: #"{"alg":"ES256","kid":"k1"}"#, payload: ""))?.code == .malformedToken)
    let twice = #"{"sub":"spiffe://example.org/a","sub":"spiffe://example.org/b","aud":["b"],"exp":1800000300}"#
    #expect(failure(try sign(header: #"{"alg":"ES256","kid":"k1"}"#, payload: twice))?.code == .malformedToken)
  }

  @Test("looks the key up by trust domain and key ID")
  func lookup() throws {
    let foreign = failure(try token(claims: ["sub": "spiffe://other.org/web"]))
    #expect(foreign?.code == .unknownTrustDomain)
    #expect(foreign?.message == #"no keys found for trust domain "other.org""#)
    let unknown = failure(try token(header: #"{"alg":"ES256","kid":"k\"2"}"#))
    #expect(unknown?.code == .unknownKey)
    #expect(unknown?.message == #"public key "k\"2" not found in trust domain "example.org""#)
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"broken"}"#))?.code == .unknownKey)
  }

  @Test("refuses another key's and a changed signature")
  func signature() throws {
    let input = try token().split(separator: ".").prefix(2).joined(separator: ".")
    let other = try P256.Signing.PrivateKey().signature(for: Array(input.utf8)).rawRepresentation
    let forged = failure(JWTSVIDEncoder.token(signingInput: Array(input.utf8), signature: other))
    #expect(forged?.code == .invalidSignature)
    #expect(forged?.message == "go-jose/go-jose: error in cryptographic primitive")
    #expect(failure(input + ".")?.code == .invalidSignature)
    let der = try key.signature(for: Array(input.utf8)).derRepresentation
    #expect(failure(JWTSVIDEncoder.token(signingInput: Array(input.utf8), signature: der))?.code == .invalidSignature)
    let parts = try token().split(separator: ".").map(String.init)
    let swapped = try token(claims: ["sub": "spiffe://example.org/admin"]).split(separator: ".").map(String.init)
    #expect(failure([parts[0], swapped[1], parts[2]].joined(separator: "."))?.code == .invalidSignature)
  }

  @Test("checks time with a minute of leeway, after the audience")
  func time() throws {
    let expiry = Date(timeIntervalSince1970: 1_800_000_300)
    #expect(failure(try token(), at: expiry.addingTimeInterval(60)) == nil)
    let expired = failure(try token(), at: expiry.addingTimeInterval(61))
    #expect(expired?.code == .tokenExpired)
    #expect(expired?.message == "token has expired")
    #expect(failure(try token(), options: .init(leeway: 0), at: expiry.addingTimeInterval(1))?.code == .tokenExpired)
    #expect(failure(try token(), audience: ["no"], at: expiry.addingTimeInterval(61))?.code == .wrongAudience)
    #expect(failure(try token(), at: now.addingTimeInterval(-61))?.code == .tokenNotYetValid)
    #expect(failure(try token(), at: now.addingTimeInterval(-60)) == nil)
    #expect(failure(try token(claims: ["nbf": 1_800_000_061]))?.code == .tokenNotYetValid)
    #expect(failure(try token(claims: ["nbf": 1_800_000_060])) == nil)
    #expect(failure(try token(claims: ["exp": .int(.max), "nbf": .int(.min)])) == nil)
  }

  @Test("the audience must match byte by byte")
  func audience() throws {
    #expect(
      failure(try token(), audience: ["no"])?.message == #"expected audience in ["no"] (audience=["a" "b"])"#)
    #expect(failure(try token(), audience: [])?.code == .wrongAudience)
    #expect(failure(try token(claims: ["aud": "\u{212A}"]), audience: ["K"])?.code == .wrongAudience)
  }

  @Test("refuses what is not a compact JWS")
  func shapes() throws {
    let good = try token()
    let parts = good.split(separator: ".").map(String.init)
    let json = #"{"payload":"\#(parts[1])","protected":"\#(parts[0])","signature":"\#(parts[2])"}"#
    let several = #"{"payload":"\#(parts[1])","signatures":[{"protected":"\#(parts[0])","signature":"\#(parts[2])"}]}"#
    let texts = [
      "", ".", "..", "...", parts[0], parts[0] + "." + parts[1], good + ".", good + "." + parts[2], " " + good,
      good + "\n",
      good + "=", json, several, "Bearer " + good, good.replacingOccurrences(of: ".", with: ". "),
    ]
    for text in texts {
      #expect(failure(text)?.code == .malformedToken, "\(text)")
    }
    #expect(
      failure(parts[0] + "." + parts[1])?.message
        == "unable to parse JWT token: go-jose/go-jose: compact JWS format must have three parts")
    let huge = try token(claims: ["x": .string(String(repeating: "x", count: CompactJWS.maximumSize))])
    #expect(failure(huge)?.code == .malformedToken)
  }

  @Test("the recorded token validates against the recorded bundle, in its time")
  func recorded() throws {
    let document = try TestData.recordedOutput("server_bundle_show_-format_spiffe.txt")
    let keys = JWTKeySet([try BundleDocument.decode(document, trustDomain: TrustDomain("example.org"))])
    let token = try TestData.recorded("jwt-svid.txt").trimmingCharacters(in: .whitespacesAndNewlines)
    let time = try TestData.date("2026-11-21T20:12:00Z")
    let svid = try JWTSVIDValidator.validate(token: token, audience: ["db"], now: time, keys: keys)
    #expect(svid.id.description == "spiffe://example.org/admin")
    #expect(
      JSONValue.object(svid.claims).text()
        == #"{"aud":["db"],"exp":1795292150,"iat":1795291850,"iss":"https://oidc.example.org","sub":"spiffe://example.org/admin"}"#
    )
    #expect(throws: SPIFFEError(.tokenExpired, "")) {
      try JWTSVIDValidator.validate(token: token, audience: ["db"], now: time.addingTimeInterval(3600), keys: keys)
    }
    do {
      _ = try JWTSVIDValidator.validate(token: token, audience: ["no"], now: time, keys: keys)
      Issue.record("accepted")
    } catch { #expect(error.message == #"expected audience in ["no"] (audience=["db"])"#) }
  }

  @Test("RSA keys validate too")
  func rsa() throws {
    let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
    let claims = JWTSVIDEncoder.claims(
      subject: try SPIFFEID("spiffe://example.org/web"), audience: ["a"], expiresAt: 1_800_000_300)
    let input = JWTSVIDEncoder.signingInput(algorithm: .rs256, keyID: "r", claims: claims)
    let signature = try rsa.signature(for: SHA256.hash(data: input), padding: .insecurePKCS1v1_5)
    let token = JWTSVIDEncoder.token(signingInput: input, signature: signature.rawRepresentation)
    let authority = JWTAuthority(publicKey: try PublicKey(rsa.publicKey).pkix, keyID: "r")
    let keys = JWTKeySet([Bundle(trustDomain: try TrustDomain("example.org"), jwtAuthorities: [authority])])
    #expect(throws: Never.self) { try JWTSVIDValidator.validate(token: token, audience: ["a"], now: now, keys: keys) }
  }
}
