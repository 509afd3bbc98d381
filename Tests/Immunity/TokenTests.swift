import Crypto
import Foundation
import SPIFFE
import Testing

/// Tokens that bring their own key, that say two things, or whose signature is none. Their origins are in docs/security/immunity.md.
@Suite struct TokenTests {
  private let key = P256.Signing.PrivateKey()
  private let attacker = P256.Signing.PrivateKey()
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  private static let good = #"{"alg":"ES256","kid":"k1","typ":"JWT"}"#
  private static let claims = #"{"sub":"spiffe://example.org/web","aud":["a"],"exp":1800000300,"iat":1800000000}"#

  private func refusal(header: String, signedBy signer: P256.Signing.PrivateKey) throws -> SPIFFEError? {
    try refusal(token(header: header, signedBy: signer))
  }

  private func token(
    header: String = good, claims: String = claims, signedBy signer: P256.Signing.PrivateKey
  ) throws -> String {
    let input = Base64.encodeURL(Array(header.utf8)) + "." + Base64.encodeURL(Array(claims.utf8))
    let signature = try signer.signature(for: Array(input.utf8)).rawRepresentation
    return input + "." + Base64.encodeURL(Array(signature))
  }

  private func refusal(_ token: String, audience: [String] = ["a"]) throws -> SPIFFEError? {
    let authority = JWTAuthority(publicKey: Array(key.publicKey.derRepresentation), keyID: "k1")
    let keys = JWTKeySet([SPIFFE.Bundle(trustDomain: try TrustDomain("example.org"), jwtAuthorities: [authority])])
    do {
      _ = try JWTSVIDValidator.validate(token: token, audience: audience, now: now, keys: keys)
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

  /// Zeros, the order of the group, another form of the same numbers, a byte more or less: with a verifier that takes one
  /// of them, a signature is good for every key.
  @Test func signaturesThatAreNone() throws {
    let good = try token(signedBy: key)
    #expect(try refusal(good) == nil)
    let input = String(good[..<(try #require(good.lastIndex(of: ".")))])
    let raw = try Base64.decodeURL(String(good.dropFirst(input.count + 1)))
    let order: [UInt8] =
      [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 8)
      + [0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51]
    let zero = [UInt8](repeating: 0, count: 32)
    let one = zero.dropLast() + [1]
    let der = try key.signature(for: Array(input.utf8)).derRepresentation
    let forged: [[UInt8]] = [
      zero + zero, one + zero, zero + one, order + order, order + one, [], [0], Array(der), raw + [0], [0] + raw,
      raw.dropLast(), Array(raw[32...] + raw[..<32]), zero + raw[..<32] + zero + raw[32...],
    ]
    for signature in forged {
      #expect(try refusal(input + "." + Base64.encodeURL(signature))?.code == .invalidSignature)
    }
  }

  /// Two texts that are one token would get past every list of tokens.
  @Test func aTokenHasOneText() throws {
    let good = try token(signedBy: key)
    let parts = good.split(separator: ".").map(String.init)
    var others = [
      good + "=", good + " ", " " + good, good + "\n", good + ".", "." + good, good + "." + parts[2], good + "\0",
      parts[0] + "=." + parts[1] + "." + parts[2], parts.joined(separator: ".\n"), parts.joined(separator: "\u{301}."),
      parts.joined(separator: ".."),
      #"{"payload":"\#(parts[1])","protected":"\#(parts[0])","signature":"\#(parts[2])"}"#,
    ]
    // The last character of a signature of 64 bytes holds four bits that are not used.
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    let last = try #require(good.last.flatMap { alphabet.firstIndex(of: $0) })
    others += (1..<16).map { good.dropLast() + String(alphabet[last ^ $0]) }
    for other in others { #expect(try refusal(other)?.code == .malformedToken, "\(other.debugDescription)") }
  }

  /// A member that is there twice, also under another spelling of its name, is read by one reader as this, by the next as
  /// that.
  @Test(arguments: [
    #"{"alg":"ES256","alg":"none","kid":"k1"}"#, #"{"alg":"none","alg":"ES256","kid":"k1"}"#,
    #"{"alg":"ES256","\u0061lg":"HS256","kid":"k1"}"#, #"{"alg":"ES256","kid":"k1","kid":"k2"}"#,
    #"{"alg":"es256","kid":"k1"}"#, #"{"alg":"ES256 ","kid":"k1"}"#, #"{"alg":["ES256"],"kid":"k1"}"#,
    #"{"alg":null,"kid":"k1"}"#, #"{"ALG":"ES256","kid":"k1"}"#, #"{"alg":"none","kid":"k1"}"#,
    #"{"alg":"None","kid":"k1"}"#, #"{"alg":"","kid":"k1"}"#, #"{"alg":"HS256","kid":"k1"}"#,
    #"{"alg":"ES256K","kid":"k1"}"#, #"{"alg":"EdDSA","kid":"k1"}"#, #"{"alg":"ES384","kid":"k1"}"#,
    #"{"alg":"RS256","kid":"k1"}"#, #"{"alg":"ES256","kid":["k1"]}"#, #"{"alg":"ES256","kid":{"k1":1}}"#,
    #"{"alg":"ES256","kid":"k1","crit":["exp"]}"#, #"{"alg":"ES256","kid":"k1","crit":[]}"#,
    #"{"alg":"ES256","kid":"k1","b64":false,"crit":["b64"]}"#, #"{"alg":"ES256","kid":"k1","crit":null}"#,
    #"["alg"]"#, "", "null", #"{"alg":"ES256","kid":"k1"} "# + "x",
  ])
  func headersForTwoReaders(_ header: String) throws {
    #expect(try refusal(header: header, signedBy: key) != nil, "\(header)")
  }

  /// Claims that are there twice, of another type, or of a size that does not fit: none of them is a token without end.
  @Test(arguments: [
    #""exp":1800000300,"exp":9800000300"#, #""exp":1800000300,"\u0065xp":9800000300"#, #""exp":"9800000300""#,
    #""exp":null"#, #""exp":true"#, #""exp":[1800000300]"#, #""exp":{}"#, #""exp":1e400"#, #""exp":-1"#, #""exp":0"#,
    #""exp":99999999999999999999999999"#, #""exp":1799999000"#, #""exp":1800000300,"nbf":1800000200"#,
    #""exp":1800000300,"nbf":"0""#, #""exp":1800000300,"nbf":1e400"#, #""exp":1800000300,"iat":1800000200"#,
    #""exp":1800000300,"sub":"spiffe://example.org/admin""#, #""Exp":1800000300"#,
  ])
  func claimsForTwoReaders(_ more: String) throws {
    let claims = #"{"sub":"spiffe://example.org/web","aud":["a"],\#(more)}"#
    #expect(try refusal(token(claims: claims, signedBy: key)) != nil, "\(more)")
  }

  /// An audience is compared as bytes, whole, and is a text or a list of texts.
  @Test(arguments: [
    #""A""#, #""a ""#, #""a,b""#, #""a\u0000""#, #""a\u0301""#, #"["b",["a"]]"#, #"{"a":1}"#, "null", "[]", "\"\"", "1",
    #"["b","ab"]"#, #"["a",1]"#, #""*""#,
  ])
  func audiencesForOthers(_ audience: String) throws {
    let claims = #"{"sub":"spiffe://example.org/web","aud":\#(audience),"exp":1800000300}"#
    #expect(try refusal(token(claims: claims, signedBy: key)) != nil, "\(audience)")
    let two = #"{"sub":"spiffe://example.org/web","aud":["b"],"aud":["a"],"exp":1800000300}"#
    #expect(try refusal(token(claims: two, signedBy: key)) != nil)
    #expect(try refusal(token(signedBy: key), audience: []) != nil)
    #expect(try refusal(token(signedBy: key), audience: [""]) != nil)
  }

  /// A key speaks for its own trust domain: the same number in another bundle is another key.
  @Test func aTrustDomainsKeySpeaksForNoOther() throws {
    func authority(_ key: P256.Signing.PrivateKey) -> JWTAuthority {
      JWTAuthority(publicKey: Array(key.publicKey.derRepresentation), keyID: "k1")
    }
    let keys = JWTKeySet([
      SPIFFE.Bundle(trustDomain: try TrustDomain("example.org"), jwtAuthorities: [authority(key)]),
      SPIFFE.Bundle(trustDomain: try TrustDomain("partner.test"), jwtAuthorities: [authority(attacker)]),
    ])
    for subject in ["example.org/web", "example.org.partner.test/web", "partner.test@example.org/web"] {
      let claims = #"{"sub":"spiffe://\#(subject)","aud":["a"],"exp":1800000300,"iss":"https://partner.test"}"#
      let forged = try token(claims: claims, signedBy: attacker)
      #expect(throws: SPIFFEError.self) {
        try JWTSVIDValidator.validate(token: forged, audience: ["a"], now: now, keys: keys)
      }
    }
  }

  /// A key for one kind of token, or for certificates, verifies nothing of another kind.
  @Test func keysHaveOneUse() throws {
    let domain = try TrustDomain("example.org")
    let authority = JWTAuthority(publicKey: Array(key.publicKey.derRepresentation), keyID: "k1")
    let forTokens = JWTKeySet([SPIFFE.Bundle(trustDomain: domain, witAuthorities: [authority])])
    #expect(throws: SPIFFEError.self) {
      try JWTSVIDValidator.validate(token: token(signedBy: key), audience: ["a"], now: now, keys: forTokens)
    }
    let forWIT = WITKeySet([SPIFFE.Bundle(trustDomain: domain, jwtAuthorities: [authority])])
    #expect(throws: SPIFFEError.self) {
      try WITSVIDValidator.validate(token: token(signedBy: key), now: now, keys: forWIT)
    }
    // In a document, too: a key of one use is in one list.
    let point = Array(key.publicKey.x963Representation.dropFirst())
    func document(_ use: String, _ more: String = "") -> String {
      let numbers = #""x":"\#(Base64.encodeURL(Array(point[..<32])))","y":"\#(Base64.encodeURL(Array(point[32...])))""#
      return #"{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","use":"\#(use)",\#(numbers)\#(more)}]}"#
    }
    let bundle = try BundleDocument.decode(document("jwt-svid"), trustDomain: domain)
    #expect(bundle.jwtAuthorities.count == 1 && bundle.x509Authorities.isEmpty && bundle.witAuthorities.isEmpty)
    for use in ["x509-svid", "sig", "enc", "JWT-SVID", "", "jwt-svid "] {
      #expect(throws: SPIFFEError.self) { try BundleDocument.decode(document(use), trustDomain: domain) }
    }
    for more in [
      #","use":"x509-svid""#, #","d":"AAAA""#, #","\u0075se":"x509-svid""#, #","x5c":["AAAA"]"#, #","kty":"oct""#,
    ] {
      #expect(throws: SPIFFEError.self) { try BundleDocument.decode(document("jwt-svid", more), trustDomain: domain) }
    }
    let twice = #"{"keys":[],"keys":[]}"#
    #expect(throws: SPIFFEError.self) { try BundleDocument.decode(twice, trustDomain: domain) }
  }

  /// Keys of a document that cost much, or nothing to break: refused by their numbers, before anything is computed.
  @Test(.timeLimit(.minutes(3))) func keysOfDocuments() throws {
    let domain = try TrustDomain("example.org")
    func rsa(_ bits: Int, _ exponent: [UInt8]) -> String {
      let modulus = [UInt8](repeating: 0xFF, count: bits / 8 - 1) + [0xFD]
      return
        #"{"keys":[{"kty":"RSA","kid":"k","use":"jwt-svid","n":"\#(Base64.encodeURL(modulus))","e":"\#(Base64.encodeURL(exponent))"}]}"#
    }
    #expect(try BundleDocument.decode(rsa(2048, [1, 0, 1]), trustDomain: domain).jwtAuthorities.count == 1)
    for bits in [8, 512, 1024, 16_384, 131_072, 4_194_304] {
      #expect(throws: SPIFFEError.self) { try BundleDocument.decode(rsa(bits, [1, 0, 1]), trustDomain: domain) }
    }
    for exponent in [[], [0], [1], [2], [1, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [UInt8](repeating: 0xFF, count: 256)]
      as [[UInt8]]
    {
      #expect(throws: SPIFFEError.self) { try BundleDocument.decode(rsa(2048, exponent), trustDomain: domain) }
    }
    // Points that lie on another curve, where keys are found in no time.
    for (x, y) in [(1, 1), (0, 0), (0, 1)] as [(UInt8, UInt8)] {
      let (x, y) = ([UInt8](repeating: 0, count: 31) + [x], [UInt8](repeating: 0, count: 31) + [y])
      let text =
        #"{"keys":[{"kty":"EC","crv":"P-256","kid":"k","use":"jwt-svid","x":"\#(Base64.encodeURL(x))","y":"\#(Base64.encodeURL(y))"}]}"#
      #expect(throws: SPIFFEError.self) { try BundleDocument.decode(text, trustDomain: domain) }
    }
  }
}
