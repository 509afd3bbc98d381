import Foundation
import SPIFFE
import Testing

@Suite("JWT-SVID encoder")
struct JWTSVIDEncoderTests {
  @Test("builds the signed bytes of the recorded token")
  func recorded() throws {
    let token = try TestData.recorded("jwt-svid.txt").trimmingCharacters(in: .whitespacesAndNewlines)
    let claims = JWTSVIDEncoder.claims(
      subject: try SPIFFEID("spiffe://example.org/admin"), audience: ["db"], expiresAt: 1_795_292_150,
      issuedAt: 1_795_291_850, issuer: "https://oidc.example.org")
    let input = JWTSVIDEncoder.signingInput(
      algorithm: .es256, keyID: "MSibt0CKzhz7r988XJjnfcPGkw12l2zW", claims: claims)
    let dot = try #require(token.lastIndex(of: "."))
    #expect(String(decoding: input, as: UTF8.self) == token[..<dot])
    let signature = try Base64.decodeURL(token[token.index(after: dot)...])
    #expect(JWTSVIDEncoder.token(signingInput: input, signature: signature) == token)
  }

  @Test("leaves out what is not given; further claims replace and sort")
  func claims() throws {
    let subject = try SPIFFEID("spiffe://example.org/web")
    let plain = JWTSVIDEncoder.claims(subject: subject, audience: ["a", "b"], expiresAt: 1, issuer: "", jwtID: "")
    #expect(JSONValue.object(plain).text(.sorted) == #"{"aud":["a","b"],"exp":1,"sub":"spiffe://example.org/web"}"#)
    let full = JWTSVIDEncoder.claims(
      subject: subject, audience: ["a"], expiresAt: 1, issuedAt: 0, jwtID: "id",
      extra: ["exp": 2, "b": ["z": 1, "y": 2]])
    #expect(
      JSONValue.object(full).text(.sorted)
        == #"{"aud":["a"],"b":{"y":2,"z":1},"exp":2,"iat":0,"jti":"id","sub":"spiffe://example.org/web"}"#)
  }

  @Test("a token is read without proof only as what it is")
  func unverified() throws {
    let token = try TestData.recorded("jwt-svid.txt").trimmingCharacters(in: .whitespacesAndNewlines)
    let svid = try JWTSVIDValidator.parseUnverified(token)
    #expect(svid.keyID == "MSibt0CKzhz7r988XJjnfcPGkw12l2zW")
    #expect(svid.type == "JWT")
    #expect(svid.expiry == Date(timeIntervalSince1970: 1_795_292_150))
  }
}
