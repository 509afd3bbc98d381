import Crypto
import Foundation
import Mutations
import Testing

@testable import SPIFFE

/// Parsers meet bytes that were never meant for them: whatever they say, they must say it, not stop the process.
@Suite("Robustness")
struct RobustnessTests {
  @Test("certificates and chains")
  func certificates() throws {
    let domain = try TrustDomain("example.org")
    let roots = try TestData.certificates("api-fetch-x509-write/bundle.0.pem").map { X509Authority(der: $0) }
    let verifier = X509SVIDVerifier(bundle: Bundle(trustDomain: domain, x509Authorities: roots))
    let leaf = try TestData.certificates("api-fetch-x509-write/svid.1.pem")[0]
    let date = try TestData.date("2026-11-21T20:15:00Z")
    var accepted = 0
    for bytes in Mutations(of: leaf, count: 1500) where bytes != leaf {
      if (try? verifier.verify(chain: [bytes], at: date)) != nil { accepted += 1 }
      _ = try? verifier.verify(chain: [leaf, bytes], at: date)
      _ = try? X509Certificates.splitDER(bytes)
    }
    #expect(accepted == 0)
  }

  @Test("keys")
  func keys() throws {
    let leaf = try X509Certificates.parse(der: TestData.certificates("api-fetch-x509-write/svid.1.pem")[0])
    for bytes in Mutations(of: try X509Certificates.publicKey(of: leaf).pkix, count: 2000) {
      _ = try? PublicKey(pkix: bytes).jwk.json
    }
  }

  @Test("tokens, documents and PEM")
  func texts() throws {
    let domain = try TrustDomain("example.org")
    let token = Array(try TestData.recorded("jwt-svid.txt").utf8.dropLast())
    for bytes in Mutations(of: token, count: 2000) {
      _ = try? JWTSVIDValidator.parseUnverified(String(decoding: bytes, as: UTF8.self))
    }
    let claims = try CompactJWS(parsing: String(decoding: token, as: UTF8.self)).payload
    for bytes in Mutations(of: claims, count: 2000) {
      let header = Base64.encodeURL(Array(#"{"alg":"ES256","kid":"k"}"#.utf8))
      _ = try? JWTSVIDValidator.parseUnverified("\(header).\(Base64.encodeURL(bytes)).AA")
    }
    let jwk = JSONWebKey(
      key: try PublicKey(pkix: Array(P256.Signing.PrivateKey().publicKey.derRepresentation)), algorithm: "ES256")
    let bound = JSONValue.object([
      "cnf": .object(["jwk": .object(jwk.json)]), "exp": 1_800_000_000, "sub": "spiffe://example.org/web",
    ]).encoded()
    for bytes in Mutations(of: bound, count: 2000) {
      let header = Base64.encodeURL(Array(#"{"alg":"ES256","kid":"k","typ":"wit+jwt"}"#.utf8))
      _ = try? WITSVIDValidator.parseUnverified("\(header).\(Base64.encodeURL(bytes)).AA")
    }
    let document = Array(try TestData.recordedOutput("server_bundle_show_-format_spiffe.txt").utf8)
    for bytes in Mutations(of: document, count: 300) {
      _ = try? BundleDocument.decode(bytes, trustDomain: domain)
      _ = try? BundleDocument.decode(bytes, trustDomain: domain, reading: .standard)
    }
    let pem = Array(try TestData.recorded("api-fetch-x509-write/svid.0.pem").utf8)
    for bytes in Mutations(of: pem, count: 500) { _ = try? PEM.decode(String(decoding: bytes, as: UTF8.self)) }
  }
}
