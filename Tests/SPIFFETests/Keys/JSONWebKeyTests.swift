import Crypto
import Testing

@testable import SPIFFE

@Suite("JSON Web Key")
struct JSONWebKeyTests {
  private let key = PublicKey(P256.Signing.PrivateKey().publicKey)

  @Test("writes its members in the order of other implementations")
  func order() throws {
    let jwk = JSONWebKey(key: key, use: "jwt-svid", keyID: "a", algorithm: "ES256", keyOperations: ["verify"])
    #expect(jwk.json.members.map(\.name) == ["use", "kty", "kid", "crv", "alg", "x", "y", "key_ops"])
    #expect(try JSONWebKey(jwk.json) == jwk)
  }

  @Test("refuses keys it must not hold, and broken ones")
  func refused() throws {
    let good = key.jwk.json
    func with(_ name: String, _ value: JSONValue?) -> JSONObject {
      var json = good
      json[name] = value
      return json
    }
    let cases: [(JSONObject, SPIFFEError.Code)] = [
      (with("d", "AQ"), .unsupportedKey), (with("kty", "oct"), .unsupportedKey), (with("kty", nil), .unsupportedKey),
      (with("kty", "OKP"), .unsupportedKey), (with("crv", "secp256k1"), .unsupportedKey),
      (with("crv", "P-384"), .malformedKey), (with("x", nil), .malformedKey), (with("x", "AQ"), .malformedKey),
      (with("x", 5), .malformedKey), (with("y", "AA="), .malformedKey), (with("kid", 1), .malformedKey),
      (with("y", good["x"]), .malformedKey), (with("x5c", "x"), .malformedKey),
      (with("x5c", ["!"]), .malformedCertificate), (with("x5c", ["AQID"]), .malformedCertificate),
      (with("key_ops", [1]), .malformedKey), (["kty": "RSA"], .malformedKey),
      (["kty": "RSA", "n": "AQ", "e": "AQAB"], .unsupportedKey),
    ]
    for (json, code) in cases {
      #expect(throws: SPIFFEError(code, "")) { try JSONWebKey(json) }
    }
    #expect(throws: Never.self) { try JSONWebKey(with("kid", .null)) }
    #expect(throws: Never.self) { try JSONWebKey(with("unknown", [1])) }
  }

  @Test("refuses a certificate for another key")
  func otherCertificate() throws {
    let root = try TestAuthority.root()
    var json = key.jwk.json
    json["x5c"] = [.string(Base64.encode(root.der))]
    #expect(throws: SPIFFEError(.malformedKey, "")) { try JSONWebKey(json) }
  }

  @Test("its members limit what it verifies")
  func permits() {
    #expect(JSONWebKey(key: key).permitsVerification(with: .es256))
    #expect(JSONWebKey(key: key, use: "sig", algorithm: "ES256").permitsVerification(with: .es256))
    #expect(!JSONWebKey(key: key).permitsVerification(with: .es384))
    #expect(!JSONWebKey(key: key, use: "enc").permitsVerification(with: .es256))
    #expect(!JSONWebKey(key: key, algorithm: "ES384").permitsVerification(with: .es256))
    #expect(!JSONWebKey(key: key, keyOperations: ["encrypt"]).permitsVerification(with: .es256))
  }
}
