import Daemon
import DaemonTesting
import Foundation
import HTTP
import HTTPTesting
import Keys
import NIOSSL
import RPC
import SPIFFE
import Synchronization
import TLS
import Testing

@testable import WebCertificates

/// Who is served by a Prometheus listener with TLS, and with which certificate.
@Suite struct MetricsTLSTests {
  private static let scraper = "spiffe://example.org/prometheus"

  private final class Home {
    let folder = NSTemporaryDirectory() + "metrics-" + UUID().uuidString
    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var certificateFile: String { folder + "/cert.pem" }
    var keyFile: String { folder + "/key.pem" }
    var caFile: String { folder + "/ca.pem" }

    func write(_ shown: TestPKI.ServerCertificate, ca: TestPKI? = nil) throws {
      try write(PEM.encode(shown.certificate, type: "CERTIFICATE"), certificateFile)
      try write(PEM.encode(shown.key, type: "PRIVATE KEY"), keyFile)
      if let ca { try write(PEM.encode(ca.der, type: "CERTIFICATE"), caFile) }
    }

    func write(_ text: String, _ path: String) throws {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
  }

  private let pki: TestPKI
  private let home: Home
  private let time = TestTime(Date())
  private let log = LogCapture()

  init() throws {
    pki = try TestPKI("example.org")
    home = try Home()
  }

  private func tls(
    _ settings: TelemetrySettings.TLS, policy: TLSPolicy = TLSPolicy(), svid: TestPKI.ServerCertificate? = nil
  ) throws -> MetricsTLS {
    let bundle = pki.bundle()
    return try MetricsTLS(
      settings, policy: policy,
      identity: MetricsTLS.Identity(
        credential: {
          guard let svid else { throw ConnectFailed() }
          return TLSCredential(chain: [svid.certificate], key: .der(svid.key))
        }, verifier: { $0 == bundle.trustDomain ? X509SVIDVerifier(bundle: bundle) : nil }),
      time: time, logger: log.logger)
  }

  private struct ConnectFailed: Error {}

  private var files: TelemetrySettings.TLS {
    .init(credential: .files(certificate: home.certificateFile, key: home.keyFile))
  }

  /// Runs `body` with the port of a listener that shows one counter.
  private func serving(_ tls: MetricsTLS, _ body: (Int) async throws -> Void) async throws {
    let sink = PrometheusSink(prefix: "p", time: time)
    sink.incrementCounter(["scraped"], by: 1, labels: [])
    let listener = PrometheusListener.make(
      host: "127.0.0.1", port: 0, sink: sink, prepare: { try tls.prepare($0) })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.run() }
      try await body(try #require(await listener.boundPort))
      group.cancelAll()
      while await group.nextResult() != nil {}
    }
  }

  /// Whether a scrape succeeds.
  private func scrape(
    _ port: Int, as client: TestPKI.ServerCertificate? = nil, trust: ServerTrust = .unverified
  ) async throws -> Bool {
    var security = HTTPSecurity(trust)
    security.identity = client.map { HTTPIdentity(certificates: [$0.certificate], privateKey: $0.key) }
    let http = HTTPClient(.init(connect: .seconds(10), answer: .seconds(20), maximumBody: 1 << 20))
    let request = HTTPRequest(.get, try WebURL("https://127.0.0.1:\(port)/any/path"))
    do {
      let answer = try await http.send(request, over: .https(security))
      #expect(String(decoding: answer.body, as: UTF8.self).contains("scraped 1"))
      return answer.status == 200
    } catch { return false }
  }

  private func expect(
    _ isServed: Bool, _ port: Int, as client: TestPKI.ServerCertificate? = nil, trust: ServerTrust = .unverified,
    at location: SourceLocation = #_sourceLocation
  ) async throws {
    let result = try await scrape(port, as: client, trust: trust)
    #expect(result == isServed, sourceLocation: location)
  }

  /// Believes the one server that shows this SVID.
  private func trusts(_ id: String, _ pki: TestPKI) throws -> ServerTrust {
    .spiffe(id: try SPIFFEID(id), verifier: X509SVIDVerifier(bundle: pki.bundle()), now: { Date() })
  }

  @Test(.timeLimit(.minutes(3))) func withTheDaemonsSVID() async throws {
    let svid = try pki.server(id: "spiffe://example.org/spire/server")
    try await serving(try tls(.init(credential: .svid), svid: svid)) { port in
      try await expect(true, port, trust: trusts("spiffe://example.org/spire/server", pki))
      try await expect(false, port, trust: trusts("spiffe://example.org/other", pki))
    }
    // An agent that has not attested yet serves nobody, and nobody in the clear.
    try await serving(try tls(.init(credential: .svid))) { port in
      try await expect(false, port)
    }
  }

  @Test(.timeLimit(.minutes(3)), arguments: [true, false])
  func onlyTheListedIDsAreLetIn(_ usesSVID: Bool) async throws {
    let svid = try pki.server(id: "spiffe://example.org/spire/server")
    try home.write(svid)
    var settings = usesSVID ? TelemetrySettings.TLS(credential: .svid) : files
    settings.authorizedSPIFFEIDs = [Self.scraper, "spiffe://unknown.test/x"]
    let stranger = try TestPKI("example.org")
    try await serving(try tls(settings, svid: svid)) { port in
      try await expect(true, port, as: pki.server(id: Self.scraper))
      try await expect(false, port)
      try await expect(false, port, as: pki.server(id: "spiffe://example.org/other"))
      try await expect(false, port, as: pki.server(hosts: ["prometheus"]))
      // The right name by another authority, from a trust domain without bundle, too late.
      try await expect(false, port, as: stranger.server(id: Self.scraper))
      try await expect(false, port, as: TestPKI("unknown.test").server(id: "spiffe://unknown.test/x"))
      try await expect(false, port, as: pki.server(id: Self.scraper, to: -60))
    }
  }

  @Test(.timeLimit(.minutes(3))) func clientsOfACA() async throws {
    let clients = try TestPKI("clients.test")
    try home.write(try pki.server(hosts: ["localhost"]), ca: clients)
    var settings = files
    settings.clientCAFile = home.caFile
    let tls = try tls(settings)
    try await serving(tls) { port in
      try await expect(true, port, as: clients.server(hosts: ["prometheus"]))
      try await expect(false, port)
      try await expect(false, port, as: pki.server(hosts: ["prometheus"]))
      // The CA changes, and then its file is damaged.
      try home.write(PEM.encode(pki.der, type: "CERTIFICATE"), home.caFile)
      tls.reloadAuthorities()
      try await expect(true, port, as: pki.server(hosts: ["prometheus"]))
      try await expect(false, port, as: clients.server(hosts: ["prometheus"]))
      try home.write("nothing", home.caFile)
      tls.reloadAuthorities()
      try await expect(true, port, as: pki.server(hosts: ["prometheus"]))
    }
    #expect(
      log.lines.map { $0.split(separator: ";")[0] } == [
        "Loaded new client CAs of the Prometheus listener",
        "Unable to load the client CAs of the Prometheus listener",
      ])
  }

  @Test(.timeLimit(.minutes(3))) func filesAreReadAgain() async throws {
    let first = "spiffe://example.org/first"
    let second = "spiffe://example.org/second"
    try home.write(try pki.server(id: first))
    let tls = try tls(files)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await tls.run() }
      try await serving(tls) { port in
        await time.waitForSleepers(2)
        try await expect(true, port, trust: trusts(first, pki))
        try home.write(try pki.server(id: second))
        time.advance(by: .seconds(10))
        await time.waitForSleepers(2)
        try await expect(true, port, trust: trusts(second, pki))
        try home.write("half a file", home.certificateFile)
        time.advance(by: .seconds(10))
        await time.waitForSleepers(2)
        try await expect(true, port, trust: trusts(second, pki))
      }
      group.cancelAll()
      while await group.nextResult() != nil {}
    }
    #expect(log.all("Loaded new certificate of the Prometheus listener").count == 1)
  }

  @Test(.timeLimit(.minutes(3))) func thePolicyHolds() async throws {
    let svid = try pki.server(id: "spiffe://example.org/spire/server")
    let strict = try tls(
      .init(credential: .svid), policy: TLSPolicy(requirePostQuantumKeyExchange: true), svid: svid)
    try await serving(strict) { port in
      let new = try await TLSProbe.handshake(port: port, curves: [.x25519_MLKEM768])
      let old = try await TLSProbe.handshake(port: port, curves: [.x25519])
      #expect(new && !old)
    }
  }

  @Test func whatCannotWorkIsRefusedAtTheStart() throws {
    let prefix = "failed to create TLS config for Prometheus: "
    func problem(_ settings: TelemetrySettings.TLS) -> String {
      do {
        _ = try tls(settings)
        return ""
      } catch { return "\(error)" }
    }
    #expect(problem(files) == prefix + "cert_file \(home.certificateFile): no such file or directory")
    try home.write(try pki.server(hosts: ["a"]))
    #expect(problem(files) == "")
    var settings = files
    settings.clientCAFile = home.caFile
    #expect(problem(settings) == prefix + "client_ca_file \(home.caFile): no such file or directory")
    settings = files
    settings.authorizedSPIFFEIDs = ["prometheus"]
    #expect(problem(settings).hasPrefix(prefix + "invalid authorized SPIFFE ID \"prometheus\": "))
    try home.write(PEM.encode(try pki.server(hosts: ["b"]).key, type: "PRIVATE KEY"), home.keyFile)
    #expect(problem(files).contains("do not fit together"))
  }
}
