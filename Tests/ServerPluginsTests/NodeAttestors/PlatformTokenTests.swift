import CryptoExtras
import Daemon
import Foundation
import HTTP
import HTTPTesting
import NIOHTTP1
import SPIFFE
import Synchronization
import Testing

@testable import ServerPlugins

/// Tokens that a platform signs for its nodes: which are taken, and how often the platform is asked for its keys.
@Suite struct PlatformTokenTests {
  private static let signer = try? _RSA.Signing.PrivateKey(keySize: .bits2048)
  private let time = TestTime()

  private func key() throws -> PublicKey {
    let signer = try #require(Self.signer)
    return try PublicKey(signer.publicKey)
  }

  private final class Platform: Sendable {
    let asked = Mutex(0)
    let key: PublicKey
    init(_ key: PublicKey) { self.key = key }
    func keys(_ time: TestTime) -> PlatformKeys {
      PlatformKeys(time: time) { [self] () throws(ServerPluginError) in
        asked.withLock { $0 += 1 }
        return (["k1": key], .seconds(3600))
      }
    }
  }

  private func token(_ claims: String, header: String = #"{"alg":"RS256","kid":"k1","typ":"JWT"}"#) throws -> [UInt8] {
    let signed = "\(Base64.encodeURL(Array(header.utf8))).\(Base64.encodeURL(Array(claims.utf8)))"
    let signer = try #require(Self.signer)
    let signature = try signer.signature(for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
    return Array("\(signed).\(Base64.encodeURL(Array(signature.rawRepresentation)))".utf8)
  }

  private var now: Int { Int(time.now.timeIntervalSince1970) }

  private func verify(_ token: [UInt8]) async throws -> PlatformToken {
    try await PlatformToken.verify(
      token, keys: Platform(try key()).keys(time), audience: "spire", leeway: .seconds(60), at: time.now)
  }

  @Test func whatThePlatformSignedIsTaken() async throws {
    let verified = try await verify(
      token(#"{"aud":["other","spire"],"exp":\#(now + 10),"iat":\#(now),"sub":"x"}"#))
    #expect(verified.claims["sub"]?.string == "x")
    _ = try await verify(token(#"{"aud":"spire","exp":\#(now - 59),"iat":\#(now + 59)}"#))
  }

  @Test(arguments: [
    (#"{"aud":"spire"}"#, "the token has no end (exp)"),
    (#"{"aud":"spire","exp":"9999999999"}"#, "the token has no end (exp)"),
    (#"{"aud":"spire","exp":1}"#, "token is expired (exp)"),
    (#"{"aud":"spire","exp":-9223372036854775808}"#, "token is expired (exp)"),
    (#"{"aud":"other","exp":9999999999}"#, "invalid audience claim (aud)"),
    (#"{"exp":9999999999}"#, "invalid audience claim (aud)"),
    (#"{"aud":{"a":"spire"},"exp":9999999999}"#, "invalid audience claim (aud)"),
    (#"{"aud":"spire","exp":9999999999,"nbf":9223372036854775807}"#, "token not valid yet (nbf)"),
    (#"{"aud":"spire","exp":9999999999,"iat":9999999998}"#, "token issued in the future (iat)"),
  ])
  func claimsAreChecked(_ claims: String, _ expected: String) async throws {
    let refusal = await #expect(throws: PlatformToken.Refusal.self) { try await verify(token(claims)) }
    #expect(refusal?.text.hasSuffix(expected) == true, "\(refusal?.text ?? "")")
  }

  @Test(arguments: [
    #"{"alg":"none","kid":"k1"}"#, #"{"alg":"HS256","kid":"k1"}"#, #"{"alg":"PS256","kid":"k1"}"#,
    #"{"alg":"RS256"}"#, #"{"alg":"RS256","kid":"k2"}"#, #"{"alg":"RS256","kid":"k1","crit":["x"]}"#,
    #"{"alg":"RS256","alg":"none","kid":"k1"}"#,
  ])
  func headersAreChecked(_ header: String) async throws {
    let bytes = try token(#"{"aud":"spire","exp":9999999999}"#, header: header)
    await #expect(throws: PlatformToken.Refusal.self) { try await verify(bytes) }
  }

  @Test func aChangedClaimIsNoticed() async throws {
    let good = String(decoding: try token(#"{"aud":"spire","exp":9999999999}"#), as: UTF8.self).split(separator: ".")
    let other = Base64.encodeURL(Array(#"{"aud":"spire","exp":9999999998}"#.utf8))
    let bytes = Array("\(good[0]).\(other).\(good[2])".utf8)
    await #expect(throws: PlatformToken.Refusal.self) { try await verify(bytes) }
    await #expect(throws: PlatformToken.Refusal.self) { try await verify([UInt8](repeating: 65, count: 20_000)) }
  }

  @Test func unknownKeysDoNotMakeTheServerAskAllTheTime() async throws {
    let platform = Platform(try key())
    let keys = platform.keys(time)
    #expect(try await keys.key("k1") != nil)
    for _ in 0..<20 { #expect(try await keys.key("unknown") == nil) }
    #expect(platform.asked.withLock { $0 } == 1)
    time.advance(by: .seconds(61))
    #expect(try await keys.key("unknown") == nil)
    #expect(platform.asked.withLock { $0 } == 2)
    time.advance(by: .seconds(3601))
    #expect(try await keys.key("k1") != nil)
    #expect(platform.asked.withLock { $0 } == 3)
  }

  @Test func keysAreReadInBothForms() async throws {
    let pki = try TestPKI("example.org")
    let certificate = PEM.encode(pki.der, type: "CERTIFICATE").replacingOccurrences(of: "\n", with: "\\n")
    let jwk = String(decoding: JSONValue.object(JSONWebKey(key: try key(), keyID: "k1").json).encoded(), as: UTF8.self)
    let fetcher = PlatformKeyFetcher(security: HTTPSecurity(.web(.system(environment: [:]))))
    let now = time.now
    let expected = try key()
    try await TestWebServer.with(
      nil,
      reply: { request in
        let port = request.head.headers["host"].first?.split(separator: ":").last ?? ""
        switch request.head.uri {
        case "/certs":
          return .page(
            200, [("Expires", HTTPDate.text(now.addingTimeInterval(600)))], Array(#"{"a":"\#(certificate)"}"#.utf8))
        case "/openid": return .page(200, [], Array(#"{"jwks_uri":"http://127.0.0.1:\#(port)/keys"}"#.utf8))
        case "/elsewhere": return .page(200, [], Array(#"{"jwks_uri":"https://127.0.0.1:\#(port)/keys"}"#.utf8))
        case "/keys": return .page(200, [], Array(#"{"keys":[{"kty":"oct","kid":"x"},\#(jwk)]}"#.utf8))
        default: return .page(200, [], Array("{}".utf8))
        }
      }
    ) { server in
      func url(_ path: String) throws -> WebURL { try WebURL(anyScheme: "http://127.0.0.1:\(server.port)\(path)") }
      let certificates = try await fetcher.certificates(url("/certs"), now: now)
      #expect(Array(certificates.keys.keys) == ["a"])
      #expect((590...600).contains(certificates.lifetime.components.seconds))
      let keys = try await fetcher.openID(url("/openid"), now: now)
      #expect(keys.keys == ["k1": expected])
      for path in ["/none", "/elsewhere"] {
        await #expect(throws: ServerPluginError.self) { try await fetcher.openID(url(path), now: now) }
      }
      await #expect(throws: ServerPluginError.self) { try await fetcher.certificates(url("/none"), now: now) }
    }
  }
}
