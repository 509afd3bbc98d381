import HCL
import Testing

@testable import Daemon

/// The section `telemetry` of a file, checked.
@Suite struct TelemetrySettingsTests {
  private func read(
    _ text: String, environment: [String: String] = [:]
  ) throws -> (settings: TelemetrySettings, problems: [String], notices: [ConfigurationNotice]) {
    var section = HCLDecoding(try HCLDocument.parse(text, file: "x.conf")).root
    var checks = ConfigurationChecks(file: "x.conf", positions: [:])
    let settings = TelemetrySettings(
      TelemetryFile(&section), program: "Server", environment: environment, checks: &checks)
    return (settings, checks.problems.map(\.message), checks.notices)
  }

  @Test func receivers() throws {
    let (settings, problems, notices) = try read(
      """
      Statsd = [{ address = "graphite:8125" }, { address = ":1" }, ]
      DogStatsd = [{ address = "127.0.0.1:2" }, { address = "unix:///run/dd.sock" }]
      M3 = [{ address = "[::1]:3" env = "prod" }]
      """, environment: ["DD_ENTITY_ID": "pod", "DD_VERSION": ""])
    #expect(problems == [] && notices.isEmpty)
    #expect(settings.statsd == [.udp(host: "graphite", port: 8125), .udp(host: "localhost", port: 1)])
    #expect(settings.dogStatsd == [.udp(host: "127.0.0.1", port: 2), .unix(path: "/run/dd.sock")])
    #expect(settings.dogStatsdTags == ["dd.internal.entity_id:pod"])
    #expect(settings.m3 == [.init(address: .udp(host: "::1", port: 3), environment: "prod")])
  }

  @Test func whatIsWrongWithReceivers() throws {
    let (settings, problems, notices) = try read(
      "Statsd { address = \"x\" }\nDogStatsd {}\nDogStatsd { address = \"y\" }\nM3 { address = \"h:1\" }\nM3 { env = \"e\" }"
    )
    #expect(settings.statsd.isEmpty)
    #expect(
      problems == [
        "No address passed and autodetection from environment failed: set address or DD_AGENT_HOST",
        "DogStatsd: address y: missing port in address", "M3: env common tag is required", "M3: missing address",
      ])
    #expect(
      notices.map(\.message) == ["Metrics cannot be sent to Statsd: address x: missing port in address"])
  }

  @Test func dogStatsdFindsItsAgent() throws {
    let (settings, problems, _) = try read("DogStatsd {}", environment: ["DD_AGENT_HOST": "10.0.0.1"])
    #expect(problems == [] && settings.dogStatsd == [.udp(host: "10.0.0.1", port: 8125)])
  }

  @Test func tls() throws {
    let files = try read(
      "Prometheus { port = 1 tls { cert_file = \"c\" key_file = \"k\" client_ca_file = \"a\" } }")
    #expect(files.problems == [])
    #expect(
      files.settings.prometheus?.tls
        == .init(credential: .files(certificate: "c", key: "k"), clientCAFile: "a"))
    let svid = try read(
      "Prometheus { port = 1 tls { use_spire_svid = true authorized_spiffe_ids = [\"spiffe://a/b\"] } }")
    #expect(svid.settings.prometheus?.tls == .init(credential: .svid, authorizedSPIFFEIDs: ["spiffe://a/b"]))
  }

  @Test(arguments: [
    (
      "use_spire_svid = true cert_file = \"c\"",
      "cert_file and key_file cannot be configured when use_spire_svid is enabled"
    ),
    ("cert_file = \"c\"", "cert_file and key_file must both be configured unless use_spire_svid is enabled"),
    ("", "cert_file and key_file must both be configured unless use_spire_svid is enabled"),
    (
      "use_spire_svid = true client_ca_file = \"c\" authorized_spiffe_ids = [\"spiffe://a/b\"]",
      "client_ca_file cannot be configured with authorized_spiffe_ids"
    ),
  ])
  func tlsFaults(_ text: String, _ expected: String) throws {
    let problems = try read("Prometheus { port = 1 tls { \(text) } }").problems
    #expect(problems == ["failed to create TLS config for Prometheus: " + expected])
  }
}
