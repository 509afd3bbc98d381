import Crypto
import Daemon
import DaemonTesting
import Foundation
import HTTP
import Keys
import Mutations
import SPIFFE
import Testing
import X509

@testable import WebCertificates

/// Getting a certificate, and what an authority may answer instead (RFC 8555).
@Suite struct ACMEIssuerTests {
  struct Scene: Sendable {
    let time = HastyTime()
    let board = ChallengeBoard()
    let authority: FakeAuthority
    init() { authority = FakeAuthority(board: board, time: time) }

    func issue(
      _ proofs: [ACMEIssuer.Proof] = [.tls], acceptsTerms: Bool = true, key: SoftwareKey? = nil
    ) async throws -> ACMEChain {
      let settings = ACMESettings(
        directoryURL: try WebURL(FakeAuthority.directory), email: "a@b.test", acceptsTerms: acceptsTerms,
        domains: ["one.test"], answersHTTP: false)
      return try await ACMEIssuer(settings: settings, transport: authority, board: board, proofs: proofs, time: time)
        .issue(
          "one.test", key: try key ?? SoftwareKey(generating: .ecP256), account: try SoftwareKey(generating: .ecP256))
    }
  }

  @Test(arguments: [[ACMEIssuer.Proof.tls], [.http], [.http, .tls]])
  func aCertificate(_ proofs: [ACMEIssuer.Proof]) async throws {
    let scene = Scene()
    let key = try SoftwareKey(generating: .ecP256)
    let chain = try await scene.issue(proofs, key: key)
    #expect(chain.certificates.count == 2 && chain.notAfter > scene.time.now)
    #expect(scene.board.credential(for: "one.test") == nil, "challenges are taken down")
    #expect(scene.authority.requests.contains(proofs[0] == .http ? "POST /chall/http" : "POST /chall/tls"))
  }

  @Test func aNonceThatIsNoLongerGoodIsReplaced() async throws {
    let scene = Scene()
    scene.authority.say { method, _, count in
      method == "POST" && count % 2 == 1 ? FakeAuthority.problem(400, "badNonce") : nil
    }
    #expect(try await scene.issue().certificates.count == 2)
  }

  @Test func theOtherProofIsTriedWhenOneFails() async throws {
    let scene = Scene()
    scene.authority.say { _, path, _ in
      path == "/chall/http" ? FakeAuthority.problem(400, "connection") : nil
    }
    await #expect(throws: ACMEError(.refused, "")) { try await scene.issue([.http, .tls]) }
    let again = Scene()
    again.authority.say { _, path, count in
      guard path == "/authz/1", count == 2 else { return nil }
      return FakeAuthority.json(["status": "invalid", "challenges": []])
    }
    #expect(try await again.issue([.http, .tls]).certificates.count == 2)
    #expect(again.authority.requests.count { $0 == "POST /order" } == 2)
  }

  @Test func termsAreNotAcceptedByThemselves() async {
    let scene = Scene()
    await #expect(throws: ACMEError(.termsNotAccepted, "")) { try await scene.issue(acceptsTerms: false) }
    #expect(!scene.authority.requests.contains("POST /account"))
  }

  @Test func aChallengeThatFailsSaysWhy() async throws {
    let scene = Scene()
    scene.authority.say { _, path, count in
      guard path == "/authz/1", count > 1 else { return nil }
      return FakeAuthority.json([
        "status": "invalid",
        "challenges": [
          ["type": "tls-alpn-01", "error": ["type": "urn:ietf:params:acme:error:connection", "detail": "no route"]]
        ],
      ])
    }
    do {
      _ = try await scene.issue()
      Issue.record("it was refused")
    } catch let error as ACMEError {
      #expect(error.code == .authorizationFailed)
      #expect(error.message == "the authorization of one.test is \"invalid\": \"connection: no route\"")
    }
    #expect(scene.board.credential(for: "one.test") == nil)
  }

  /// One answer that is wrong, and what comes of it.
  struct Bad: Sendable {
    let path: String
    let code: ACMEError.Code
    let answer: @Sendable () -> HTTPAnswer
    var fromCount = 1

    init(
      _ path: String, _ code: ACMEError.Code, from count: Int = 1,
      _ answer: @autoclosure @escaping @Sendable () -> HTTPAnswer
    ) {
      self.path = path
      self.code = code
      fromCount = count
      self.answer = answer
    }
  }

  private static func text(_ text: String, _ status: Int = 200, _ headers: [HTTPField] = []) -> HTTPAnswer {
    HTTPAnswer(status: status, headers: headers, body: Array(text.utf8))
  }

  private static let order = [HTTPField("Location", "https://ca.test/order/1")]
  private static let manyProofs =
    "{\"authorizations\":[" + String(repeating: "\"https://ca.test/authz/1\",", count: 1000) + "\"x\"]}"
  private static let authz =
    #"{"status":"pending","identifier":{"type":"dns","value":"one.test"},"challenges":[CH]}"#
  private static func challenge(_ token: String, _ url: String = "https://ca.test/chall/tls") -> HTTPAnswer {
    text(
      authz.replacingOccurrences(
        of: "CH", with: #"{"type":"tls-alpn-01","url":"\#(url)","token":"\#(token)"}"#))
  }

  static let bad: [Bad] = [
    Bad("/dir", .refused, text("", 404)), Bad("/dir", .malformed, text("")), Bad("/dir", .malformed, text("[]")),
    Bad("/dir", .malformed, text("{}")), Bad("/dir", .malformed, text(#"{"newNonce":1}"#)),
    Bad("/dir", .unreachable, text("", 500)), Bad("/dir", .rateLimited, text("", 503)),
    Bad("/dir", .refused, text("", 302, [HTTPField("Location", "https://other.test/")])),
    Bad(
      "/dir", .malformed,
      text(#"{"newNonce":"http://ca.test/n","newOrder":"https://ca.test/o","newAccount":"https://ca.test/a"}"#)),
    Bad(
      "/dir", .malformed,
      text(#"{"newNonce":"file:///etc/passwd","newOrder":"https://ca.test/o","newAccount":"https://ca.test/a"}"#)),
    Bad(
      "/dir", .malformed,
      text(
        #"{"newNonce":"https://ca.test/n","newOrder":"https://ca.test/o","newAccount":"https://ca.test/a","meta":3}"#)),
    Bad("/nonce", .malformed, HTTPAnswer(status: 200, headers: [HTTPField("Replay-Nonce", "no\tgood")])),
    Bad("/nonce", .refused, HTTPAnswer(status: 404)),
    Bad("/account", .refused, FakeAuthority.problem(400, "badNonce")),
    Bad("/account", .refused, FakeAuthority.problem(403, "externalAccountRequired")),
    Bad("/account", .rateLimited, FakeAuthority.problem(429, "rateLimited")),
    Bad("/account", .malformed, text(#"{"status":"valid"}"#, 201)),
    Bad("/account", .malformed, text("{}", 201, [HTTPField("Location", "/relative")])),
    Bad(
      "/account", .refused,
      text(#"{"status":"deactivated"}"#, 200, [HTTPField("Location", "https://ca.test/account/1")])),
    Bad("/order", .malformed, text("{}", 201)), Bad("/order", .malformed, text("{}", 201, order)),
    Bad("/order", .malformed, text(#"{"authorizations":"x"}"#, 201, order)),
    Bad("/order", .malformed, text(#"{"authorizations":[1]}"#, 201, order)),
    Bad("/order", .malformed, text(#"{"authorizations":["http://ca.test/authz/1"]}"#, 201, order)),
    Bad(
      "/order", .malformed,
      text(manyProofs, 201, order)),
    Bad("/authz/1", .malformed, text("nothing")), Bad("/authz/1", .malformed, text(#"{"status":"pending"}"#)),
    Bad("/authz/1", .malformed, text(#"{"status":"valid","identifier":{"type":"dns","value":"other.test"}}"#)),
    Bad("/authz/1", .malformed, text(#"{"status":"valid","identifier":{"type":"ip","value":"one.test"}}"#)),
    Bad(
      "/authz/1", .authorizationFailed,
      text(
        authz.replacingOccurrences(of: "pending", with: "deactivated").replacingOccurrences(of: "CH", with: ""))),
    Bad("/authz/1", .authorizationFailed, text(authz.replacingOccurrences(of: "CH", with: ""))),
    Bad("/authz/1", .authorizationFailed, text(authz.replacingOccurrences(of: "CH", with: #"{"type":"dns-01"}"#))),
    Bad("/authz/1", .malformed, text(authz.replacingOccurrences(of: "CH", with: "3"))),
    Bad("/authz/1", .malformed, challenge("../../etc/passwd")), Bad("/authz/1", .malformed, challenge("")),
    Bad("/authz/1", .malformed, challenge("a b")), Bad("/authz/1", .malformed, challenge("x", "ftp://ca.test/")),
    Bad("/authz/1", .malformed, challenge(String(repeating: "x", count: 1000))),
    // Never comes to an end.
    Bad("/authz/1", .timeout, from: 2, text(#"{"status":"pending"}"#)),
    Bad("/authz/1", .timeout, from: 2, text(#"{"status":"processing"}"#, 200, [HTTPField("Retry-After", "100000")])),
    Bad("/authz/1", .malformed, from: 2, text("{}")),
    Bad("/chall/tls", .refused, FakeAuthority.problem(400, "malformed")),
    Bad("/order/1", .timeout, text(#"{"status":"processing"}"#)),
    Bad("/order/1", .authorizationFailed, text(#"{"status":"invalid","error":{"detail":"no"}}"#)),
    Bad("/order/1", .authorizationFailed, text(#"{"status":"new kind"}"#)),
    Bad("/order/1", .malformed, text(#"{"status":"ready"}"#)),
    Bad("/order/1", .malformed, text(#"{"status":"ready","finalize":7}"#)),
    Bad("/order/1", .malformed, text(#"{"status":"valid"}"#)),
    Bad("/finalize/1", .refused, FakeAuthority.problem(403, "badCSR")),
    Bad("/finalize/1", .unreachable, text("<html>", 502)),
    Bad("/order/1", .timeout, from: 2, text(#"{"status":"processing"}"#)),
    Bad("/order/1", .malformed, from: 2, text(#"{"status":"valid","certificate":"http://ca.test/cert/1"}"#)),
    Bad("/cert/1", .badCertificate, text("")), Bad("/cert/1", .badCertificate, text("-----BEGIN CERTIFICATE-----\n")),
    Bad("/cert/1", .badCertificate, HTTPAnswer(status: 200, body: [0xFF, 0xFE])),
    Bad("/cert/1", .badCertificate, text(String(repeating: "x", count: 2 << 20))),
    Bad("/cert/1", .badCertificate, text(PEM.encode([0x30, 0x03, 0x02, 0x01, 0x01], type: "CERTIFICATE"))),
  ]

  @Test(arguments: bad.indices) func whatCannotBeUsed(_ index: Int) async {
    let (scene, row) = (Scene(), Self.bad[index])
    scene.authority.say { _, path, count in path == row.path && count >= row.fromCount ? row.answer() : nil }
    do {
      _ = try await scene.issue()
      Issue.record("it was taken: \(row.path)")
    } catch let error as ACMEError {
      #expect(error.code == row.code, "\(row.path): \(error)")
    } catch { Issue.record("\(error)") }
    #expect(scene.authority.requests.count < 200, "it ends")
    #expect(scene.board.credential(for: "one.test") == nil)
  }

  @Test func certificatesOfSomebodyElse() async throws {
    let scene = Scene()
    let now = scene.time.now
    let (own, other) = (P256.Signing.PrivateKey(), P256.Signing.PrivateKey())
    let key = try PublicKey(pkix: Array(own.publicKey.derRepresentation))
    func read(_ name: String, _ signer: P256.Signing.PrivateKey, from start: Date? = nil) throws -> ACMEChain {
      let pem = try scene.authority.issue(name, .init(signer.publicKey), from: start)
      return try ACMEChain(pem: Array(pem.utf8), domain: "one.test", key: key, now: now)
    }
    #expect(try read("one.test", own).certificates.count == 2)
    #expect(try read("ONE.test", own).certificates.count == 2)
    for (name, signer, start) in [
      ("two.test", own, now), ("one.test", other, now), ("one.test", own, now - 91 * 86400),
    ] {
      #expect(throws: ACMEError(.badCertificate, "")) { try read(name, signer, from: start) }
    }
  }

  @Test func retryAfter() {
    let now = Date(timeIntervalSince1970: 784_111_777)
    func after(_ text: String) -> Duration? {
      HTTPAnswer(status: 503, headers: [HTTPField("retry-after", text)]).retryAfter(now: now)
    }
    #expect(after("120") == .seconds(120))
    #expect(after("Sun, 06 Nov 1994 08:50:37 GMT") == .seconds(60))
    #expect(after("Sun, 06 Nov 1994 08:40:37 GMT") == .zero)
    #expect(after("999999999999") == .seconds(7 * 86400))
    #expect(after("soon") == nil && after("-1") == nil && HTTPAnswer(status: 200).retryAfter(now: now) == nil)
  }

  @Test func answersThatAreNearlyRight() {
    let good = #"{"status":"pending","identifier":{"type":"dns","value":"a"},"challenges":[{"type":"x","token":"y"}]}"#
    for bytes in Mutations(of: good, count: 3000) {
      guard let document = try? ACMEDocument(bytes, "it") else { continue }
      _ = try? document.string("status")
      _ = try? document.documents("challenges", atMost: 3)
      _ = try? document.document("identifier")?.string("value")
    }
  }
}
