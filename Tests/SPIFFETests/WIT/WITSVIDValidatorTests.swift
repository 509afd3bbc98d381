import Crypto
import CryptoExtras
import Foundation
import Testing

@testable import SPIFFE

@Suite("WIT-SVID validator")
struct WITSVIDValidatorTests {
  private let key = P256.Signing.PrivateKey()
  private let holder = P256.Signing.PrivateKey()
  private let keys: WITKeySet
  private let now = Date(timeIntervalSince1970: 1_800_000_000)
  private static let header = #"{"alg":"ES256","kid":"k1","typ":"wit+jwt"}"#

  init() throws {
    let authority = JWTAuthority(publicKey: PublicKey(key.publicKey).pkix, keyID: "k1")
    let jwt = JWTAuthority(publicKey: PublicKey(key.publicKey).pkix, keyID: "jwt")
    let broken = JWTAuthority(publicKey: [1], keyID: "broken")
    keys = WITKeySet([
      Bundle(
        trustDomain: try TrustDomain("example.org"), jwtAuthorities: [jwt], witAuthorities: [authority, broken])
    ])
  }

  private func sign(header: String = Self.header, payload: String) throws -> String {
    let input = Array((Base64.encodeURL(Array(header.utf8)) + "." + Base64.encodeURL(Array(payload.utf8))).utf8)
    return JWTSVIDEncoder.token(signingInput: input, signature: try key.signature(for: input).rawRepresentation)
  }

  private var jwk: JSONObject { JSONWebKey(key: PublicKey(holder.publicKey), algorithm: "ES256").json }

  private func token(
    header: String = Self.header, claims changes: JSONObject = [:], without: String? = nil, cnf: JSONObject? = nil
  ) throws -> String {
    var claims = WITSVIDEncoder.claims(
      subject: try SPIFFEID("spiffe://example.org/web"), confirmationKey: PublicKey(holder.publicKey),
      algorithm: .es256, expiresAt: 1_800_000_300, issuedAt: 1_800_000_000)
    for member in changes.members { claims[member.name] = member.value }
    if let cnf { claims["cnf"] = .object(cnf) }
    if let without { claims[without] = nil }
    return try sign(header: header, payload: JSONValue.object(claims).text(.sorted))
  }

  private func failure(_ token: String, at date: Date? = nil) -> SPIFFEError? {
    do {
      _ = try WITSVIDValidator.validate(token: token, now: date ?? now, keys: keys)
      return nil
    } catch { return error }
  }

  @Test("accepts a good token and hands out whose key it binds")
  func accepted() throws {
    let token = try token(claims: ["jti": "1", "team": ["a"]])
    let svid = try WITSVIDValidator.validate(token: token, now: now, keys: keys)
    #expect(svid.id.description == "spiffe://example.org/web" && svid.token == token)
    #expect(svid.confirmationKey == PublicKey(holder.publicKey) && svid.confirmationAlgorithm == .es256)
    #expect(svid.expiry == Date(timeIntervalSince1970: 1_800_000_300) && svid.issuedAt == now)
    #expect(svid.claims["team"] == ["a"])
  }

  @Test("tells the holder from somebody who has only the token")
  func possession() throws {
    let svid = try WITSVIDValidator.validate(token: try token(), now: now, keys: keys)
    let message = Array("fresh".utf8)
    let proof = try holder.signature(for: message).rawRepresentation
    #expect(svid.isSignedByHolder(proof, message: message))
    #expect(!svid.isSignedByHolder(proof, message: Array("stale".utf8)))
    #expect(!svid.isSignedByHolder(try key.signature(for: message).rawRepresentation, message: message))
    let input = Array("\(Base64.encodeURL(Array(#"{"alg":"ES256","typ":"wpt+jwt"}"#.utf8))).e30".utf8)
    let jws = JWTSVIDEncoder.token(signingInput: input, signature: try holder.signature(for: input).rawRepresentation)
    #expect(svid.isSignedByHolder(try CompactJWS(parsing: jws)))
    #expect(!svid.isSignedByHolder(try CompactJWS(parsing: token())))
  }

  @Test("the algorithm of the confirmation key is the only one of a proof")
  func possessionAlgorithm() throws {
    let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
    let rsaKey = try PublicKey(rsa.publicKey)
    let svid = try WITSVIDValidator.validate(
      token: try token(cnf: ["jwk": .object(JSONWebKey(key: rsaKey, algorithm: "PS256").json)]), now: now, keys: keys)
    let message = Array("fresh".utf8)
    #expect(
      svid.isSignedByHolder(
        try rsa.signature(for: SHA256.hash(data: message), padding: .PSS).rawRepresentation, message: message))
    #expect(
      !svid.isSignedByHolder(
        try rsa.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation,
        message: message))
  }

  @Test(
    "refuses algorithms that the standard does not name",
    arguments: ["none", "HS256", "EdDSA", "es256", "ML-DSA-44", ""])
  func algorithms(name: String) throws {
    let token = try token(header: #"{"alg":"\#(name)","kid":"k1","typ":"wit+jwt"}"#)
    #expect(failure(token)?.code == .malformedToken)
    #expect(failure(token)?.message.hasPrefix("unable to parse WIT-SVID: unexpected signature algorithm") == true)
  }

  @Test("refuses a token whose algorithm is not that of the key", arguments: ["ES384", "ES512", "RS256", "PS512"])
  func wrongAlgorithm(name: String) throws {
    let token = try token(header: #"{"alg":"\#(name)","kid":"k1","typ":"wit+jwt"}"#)
    #expect(failure(token)?.code == .invalidSignature)
  }

  @Test(
    "refuses every type but its own",
    arguments: [#""JWT""#, #""JOSE""#, #""WIT+JWT""#, #""application/wit+jwt""#, #""""#, "null", "1", #"["wit+jwt"]"#])
  func type(json: String) throws {
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"k1","typ":\#(json)}"#))?.code == .malformedToken)
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"k1"}"#))?.code == .malformedToken)
  }

  @Test(
    "refuses header members that are missing, repeated, critical or of another kind",
    arguments: [
      #"{"alg":"ES256","typ":"wit+jwt"}"#, #"{"alg":"ES256","typ":"wit+jwt","kid":""}"#,
      #"{"alg":"ES256","typ":"wit+jwt","kid":["k1"]}"#, #"{"alg":"ES256","typ":"wit+jwt","kid":"k1","kid":"k1"}"#,
      #"{"alg":"none","alg":"ES256","typ":"wit+jwt","kid":"k1"}"#,
      #"{"alg":"ES256","typ":"wit+jwt","kid":"k1","crit":["exp"]}"#,
      #"{"alg":"ES256","typ":"wit+jwt","kid":"k1","b64":false}"#, "[]", "null",
    ])
  func headers(header: String) throws { #expect(failure(try token(header: header))?.code == .malformedToken) }

  @Test("ignores header members that it does not know")
  func unknownHeader() throws {
    let embedded = JSONValue.object(PublicKey(P256.Signing.PrivateKey().publicKey).jwk.json).text()
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"k1","typ":"wit+jwt","x":1,"jwk":\#(embedded)}"#)) == nil)
  }

  @Test("needs subject, expiry and confirmation key", arguments: ["sub", "exp", "cnf"])
  func missing(name: String) throws {
    #expect(failure(try token(without: name))?.code == .malformedToken)
    #expect(failure(try token(claims: .init([.init(name: name, value: .null)])))?.code == .malformedToken)
  }

  @Test("does not need iat")
  func withoutIssuedAt() throws { #expect(failure(try token(without: "iat")) == nil) }

  @Test(
    "refuses claims of the wrong type or value",
    arguments: [
      ["sub": 1], ["sub": ""], ["sub": "web"], ["sub": "https://example.org/web"],
      ["sub": "spiffe://example.org/a/../b"],
      ["exp": "1800000300"], ["exp": true], ["nbf": "x"], ["iat": [1]], ["cnf": "x"], ["cnf": ["x"]],
      ["aud": "a"], ["aud": ["a"]], ["aud": .array([])],
    ] as [JSONObject])
  func badClaims(changes: JSONObject) throws {
    #expect(failure(try token(claims: changes))?.code == .malformedToken)
  }

  @Test("refuses payloads that are no claims", arguments: ["", "[]", "null", "1", #"{"sub":"a","sub":"b"}"#, "{"])
  func payloads(payload: String) throws { #expect(failure(try sign(payload: payload))?.code == .malformedToken) }

  @Test("refuses confirmation keys that prove nothing")
  func confirmation() throws {
    var cases: [(String, JSONObject)] = [
      ("no jwk", [:]), ("kid only", ["kid": "k"]), ("jwk is text", ["jwk": "x"]), ("empty jwk", ["jwk": .object([:])]),
      ("symmetric", ["jwk": ["kty": "oct", "k": "AAAA", "alg": "HS256"]]),
      ("jwe beside it", ["jwk": .object(jwk), "jwe": "a.b.c.d.e"]),
      ("jku beside it", ["jwk": .object(jwk), "jku": "https://example.org/keys"]),
    ]
    func add(_ what: String, _ change: (inout JSONObject) -> Void) {
      var changed = jwk
      change(&changed)
      cases.append((what, ["jwk": .object(changed)]))
    }
    add("no algorithm") { $0["alg"] = nil }
    for name in ["none", "HS256", "EdDSA", "ES384", "RS256", ""] { add("alg \(name)") { $0["alg"] = .string(name) } }
    add("alg is a number") { $0["alg"] = 1 }
    add("private") { $0["d"] = "AAAA" }
    add("for encryption") { $0["use"] = "enc" }
    add("for signing only") { $0["key_ops"] = ["sign"] }
    add("off the curve") { $0["x"] = $0["y"] }
    add("short coordinate") { $0["x"] = "AAAA" }
    add("unknown curve") { $0["crv"] = "secp256k1" }
    for (what, cnf) in cases {
      let found = failure(try token(cnf: cnf))
      #expect(found?.code == .malformedToken, "\(what)")
      #expect(found?.message.contains("cnf") == true, "\(what)")
    }
  }

  @Test("finds keys in the WIT keys of the subject's trust domain only")
  func lookup() throws {
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"jwt","typ":"wit+jwt"}"#))?.code == .unknownKey)
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"K1","typ":"wit+jwt"}"#))?.code == .unknownKey)
    #expect(failure(try token(header: #"{"alg":"ES256","kid":"broken","typ":"wit+jwt"}"#))?.code == .unknownKey)
    #expect(failure(try token(claims: ["sub": "spiffe://other.org/web"]))?.code == .unknownTrustDomain)
  }

  @Test("refuses what somebody else signed, and bytes that were changed")
  func signature() throws {
    let token = try token()
    let parts = token.split(separator: ".").map(String.init)
    let other = try P256.Signing.PrivateKey().signature(for: Array("\(parts[0]).\(parts[1])".utf8)).rawRepresentation
    #expect(failure("\(parts[0]).\(parts[1]).\(Base64.encodeURL(Array(other)))")?.code == .invalidSignature)
    let richer = Base64.encodeURL(Array(try #require(try? Base64.decodeURL(parts[1])) + [0x20]))
    #expect(failure("\(parts[0]).\(richer).\(parts[2])")?.code == .invalidSignature)
    #expect(failure("\(parts[0]).\(parts[1]).")?.code == .invalidSignature)
    #expect(failure("\(parts[0]).\(parts[1])")?.code == .malformedToken)
    #expect(failure(token + ".x")?.code == .malformedToken)
    #expect(failure(token + "=")?.code == .malformedToken)
    #expect(failure("")?.code == .malformedToken)
    #expect(failure(String(repeating: "a", count: CompactJWS.maximumSize + 1))?.code == .malformedToken)
  }

  @Test("judges exp and nbf with the leeway, and iat not at all")
  func times() throws {
    func at(_ seconds: Double) -> Date { now.addingTimeInterval(seconds) }
    #expect(failure(try token(), at: at(359)) == nil)
    #expect(failure(try token(), at: at(360))?.code == .tokenExpired)
    let later = try token(claims: ["nbf": 1_800_000_100])
    #expect(failure(later, at: at(39))?.code == .tokenNotYetValid)
    #expect(failure(later, at: at(40)) == nil)
    #expect(failure(try token(claims: ["iat": 1_900_000_000])) == nil)
    let strict = #expect(throws: SPIFFEError.self) {
      try WITSVIDValidator.validate(token: try token(), now: at(300), leeway: 0, keys: keys)
    }
    #expect(strict?.code == .tokenExpired)
    for exp in [Int64.min, -1, 0, 1] as [Int64] {
      #expect(failure(try token(claims: ["exp": .int(exp)]))?.code == .tokenExpired)
    }
    #expect(failure(try token(claims: ["exp": .int(.max)])) == nil)
  }

  @Test("is no JWT-SVID, and a JWT-SVID is no WIT-SVID")
  func otherKinds() throws {
    let both = Bundle(
      trustDomain: try TrustDomain("example.org"),
      jwtAuthorities: [JWTAuthority(publicKey: PublicKey(key.publicKey).pkix, keyID: "k1")],
      witAuthorities: [JWTAuthority(publicKey: PublicKey(key.publicKey).pkix, keyID: "k1")])
    let jwt = try sign(
      header: #"{"alg":"ES256","kid":"k1","typ":"JWT"}"#,
      payload: JSONValue.object(
        JWTSVIDEncoder.claims(
          subject: try SPIFFEID("spiffe://example.org/web"), audience: ["a"], expiresAt: 1_800_000_300)
      ).text())
    #expect(throws: SPIFFEError.self) {
      try WITSVIDValidator.validate(token: jwt, now: now, keys: WITKeySet([both]))
    }
    for options in [JWTSVIDValidator.Options(), .agent] {
      #expect(throws: SPIFFEError.self) {
        try JWTSVIDValidator.validate(
          token: try token(), audience: ["a"], now: now, options: options, keys: JWTKeySet([both]))
      }
    }
  }
}
