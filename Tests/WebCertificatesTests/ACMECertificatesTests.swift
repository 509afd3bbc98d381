import Daemon
import DaemonTesting
import Foundation
import HTTP
import Keys
import Logging
import NIOSSL
import SPIFFE
import Synchronization
import Testing

@testable import WebCertificates

/// Certificates over time: kept, reused, renewed, and in use while renewal fails.
@Suite struct ACMECertificatesTests {
  private final class Home {
    let folder = NSTemporaryDirectory() + "acme-" + UUID().uuidString
    deinit { try? FileManager.default.removeItem(atPath: folder) }
  }

  private struct Parts {
    let time = TestTime()
    let board = ChallengeBoard()
    let authority: FakeAuthority
    let log = LogCapture()
    init() { authority = FakeAuthority(board: board, time: time) }

    func certificates(
      _ store: ACMEStore, _ domains: [String] = ["one.test"], http: Bool = false
    ) throws -> ACMECertificates {
      ACMECertificates(
        ACMESettings(
          directoryURL: try WebURL(FakeAuthority.directory), email: "", acceptsTerms: true, domains: domains,
          answersHTTP: http),
        store: store, transport: authority, board: board, time: time, random: { 0.5 }, logger: log.logger)
    }
  }

  /// Runs `body` beside the service; the authority's answers need no waiting, so a sleeper is the service at rest.
  private func running(
    _ certificates: ACMECertificates, _ time: TestTime, _ body: () async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await certificates.run() }
      await settle(time)
      try await body()
      group.cancelAll()
      while await group.nextResult() != nil {}
    }
  }

  /// Lets the short pauses between polls pass, until the service waits for longer than those.
  private func settle(_ time: TestTime) async {
    await time.waitForSleepers()
  }

  private func leaf(_ certificates: ACMECertificates, _ name: String?) throws -> [UInt8]? {
    let hello = ClientHello(serverName: name, protocols: ["http/1.1"])
    guard case .certificate(let certificate)? = try certificates.configuration(for: hello)?.certificateChain.first
    else {
      return nil
    }
    return try certificate.toDERBytes()
  }

  @Test func aCertificateIsRenewedAndKept() async throws {
    let (parts, home) = (Parts(), Home())
    let certificates = try parts.certificates(ACMEStore(folder: home.folder))
    var first: [UInt8]?
    try await running(certificates, parts.time) {
      first = try leaf(certificates, "one.test")
      #expect(first != nil, "\(parts.log.lines)")
      #expect(try leaf(certificates, "other.test") == nil && leaf(certificates, nil) == first)
      // Thirty days and half an hour ahead of its end, looked at every hour.
      for _ in 0..<(60 * 24 - 1) {
        parts.time.advance(by: .seconds(3600))
        await parts.time.waitForSleepers()
      }
      #expect(try leaf(certificates, "one.test") == first)
      for _ in 0..<2 {
        parts.time.advance(by: .seconds(3600))
        await parts.time.waitForSleepers()
      }
      #expect(try leaf(certificates, "one.test") != first)
    }
    #expect(parts.authority.requests.count { $0 == "POST /order" } == 2)
    let names = try FileManager.default.contentsOfDirectory(atPath: home.folder).sorted()
    #expect(names == ["acme_account+key", "one.test"])
    for name in names {
      let mode = try FileManager.default.attributesOfItem(atPath: home.folder + "/" + name)[.posixPermissions] as? Int
      #expect(mode == 0o600)
    }

    // Another start takes what is there.
    let second = try parts.certificates(ACMEStore(folder: home.folder))
    await second.load()
    let kept = try leaf(second, "one.test")
    #expect(try kept != nil && kept == leaf(certificates, "one.test"))
    try await running(second, parts.time) {}
    #expect(parts.authority.requests.count { $0 == "POST /order" } == 2)
  }

  @Test func theOldOneStaysWhileRenewalFails() async throws {
    let parts = Parts()
    parts.authority.live(3000)
    let certificates = try parts.certificates(ACMEStore(folder: nil))
    try await running(certificates, parts.time) {
      let first = try leaf(certificates, "one.test")
      parts.authority.say { _, path, _ in
        path == "/order" ? FakeAuthority.problem(429, "rateLimited", headers: [HTTPField("Retry-After", "500")]) : nil
      }
      parts.time.advance(by: .seconds(2000))
      await parts.time.waitForSleepers()
      #expect(try leaf(certificates, "one.test") == first)
      let line = parts.log.lines.last ?? ""
      #expect(
        line.hasPrefix("Unable to renew the certificate; it stays in use domain=one.test error=the order for one.test"))
      let orders = parts.authority.requests.count { $0 == "POST /order" }
      parts.time.advance(by: .seconds(499))
      await parts.time.waitForSleepers()
      #expect(parts.authority.requests.count { $0 == "POST /order" } == orders, "it said when to come back")
      parts.authority.say(nil)
      parts.time.advance(by: .seconds(1))
      await parts.time.waitForSleepers()
      #expect(try leaf(certificates, "one.test") != first)
    }
  }

  @Test func severalNamesAndChallenges() async throws {
    let (parts, home) = (Parts(), Home())
    let certificates = try parts.certificates(
      ACMEStore(folder: home.folder, keyManager: MemoryKeyManager(), prefix: "bundle-acme-"), ["one.test", "two.test"],
      http: true)
    try await running(certificates, parts.time) {
      let (one, two) = (try leaf(certificates, "one.test"), try leaf(certificates, "two.test"))
      #expect(one != nil && two != nil && one != two)
      #expect(try leaf(certificates, nil) == nil, "one of two would be a guess")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: home.folder).sorted() == ["one.test", "two.test"])
    #expect(try !String(contentsOfFile: home.folder + "/one.test", encoding: .utf8).contains("PRIVATE"))
    // A validating client gets the challenge's certificate and nobody else does.
    let validator = ClientHello(serverName: "one.test", protocols: [ChallengeBoard.protocolName])
    #expect(try certificates.configuration(for: validator) == nil)
    parts.board.show(
      try ChallengeCertificate.make(for: "one.test", keyAuthorization: "k", now: parts.time.now), for: "one.test")
    #expect(try certificates.configuration(for: validator)?.applicationProtocols == ["acme-tls/1"])
    let client = ClientHello(serverName: "one.test", protocols: ["http/1.1", "acme-tls/1"])
    #expect(try certificates.configuration(for: client)?.applicationProtocols == ["http/1.1"])
  }

  @Test func storedThingsThatAreOfNoUse() async throws {
    let (parts, home) = (Parts(), Home())
    try FileManager.default.createDirectory(atPath: home.folder, withIntermediateDirectories: true)
    let key = try SoftwareKey(generating: .ecP256)
    let good = PEM.encode(key.pkcs8, type: "PRIVATE KEY")
    for text in [
      "", "no PEM", good, PEM.encode([1, 2], type: "PRIVATE KEY"), good + PEM.encode([1], type: "CERTIFICATE"),
    ] {
      try text.write(toFile: home.folder + "/one.test", atomically: true, encoding: .utf8)
      let certificates = try parts.certificates(ACMEStore(folder: home.folder))
      await certificates.load()
      #expect(try leaf(certificates, "one.test") == nil)
      #expect(parts.log.lines.last?.hasPrefix("The stored certificate cannot be used; a new one is fetched") == true)
    }
    let store = ACMEStore(folder: home.folder)
    for name in ["../x", ".hidden", "a/b", ""] {
      await #expect(throws: ACMEError(.storage, "")) { try await store.chain(name) }
    }
  }

  @Test func renewalTimes() {
    let start = Date(timeIntervalSince1970: 0)
    func renewal(_ days: Double, _ jitter: Double = 0) -> Double {
      RenewalPlan.renewal(from: start, to: start + days * 86400, jitter: jitter).timeIntervalSince1970 / 86400
    }
    #expect(renewal(90) == 60 && renewal(398) == 368 && renewal(6) == 4)
    #expect(renewal(90, 1) == 60 - 1 / 24.0)
    var plan = RenewalPlan(["a", "b"], now: start)
    #expect(plan.next?.domain == "a")
    var pauses: [Double] = []
    for _ in 0..<9 {
      plan.fail("a", ACMEError(.refused, ""), now: start, jitter: 0.5)
      pauses.append(plan.next("a")?.timeIntervalSince1970 ?? 0)
    }
    #expect(pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600])
    #expect(plan.next?.domain == "b")
    plan.fail("b", ACMEError(.unreachable, ""), now: start, jitter: 0.5)
    #expect(plan.next("b") == start + 5)
    var limited = ACMEError(.rateLimited, "")
    limited.retryAfter = .seconds(9000)
    plan.fail("b", limited, now: start, jitter: 0.5)
    #expect(plan.next("b") == start + 9000)
    plan.use("b", from: start, to: start + 600, jitter: 0)
    for _ in 0..<5 { plan.fail("b", ACMEError(.refused, ""), now: start, jitter: 0.5) }
    #expect(plan.next("b") == start + 60, "a short life has no time for long pauses")
  }
}
