import Foundation
import Testing

/// The metrics of a server and an agent as their receivers see them: Debian's Prometheus, over TLS with SVIDs, and sockets
/// that take StatsD's, Datadog's and M3's datagrams.
@Suite("Telemetry", .serialized) struct TelemetryTests {
  private static let prometheus = "/usr/bin/prometheus"

  private func telemetry(prometheus: UInt16, receivers: (statsd: UInt16, dogStatsd: UInt16, m3: UInt16)) -> String {
    """
    telemetry {
      Prometheus {
        port = \(prometheus)
        tls { use_spire_svid = true authorized_spiffe_ids = ["spiffe://example.org/prometheus"] }
      }
      Statsd = [{ address = "127.0.0.1:\(receivers.statsd)" }]
      DogStatsd = [{ address = "127.0.0.1:\(receivers.dogStatsd)" }]
      M3 = [{ address = "127.0.0.1:\(receivers.m3)" env = "test" }]
      BlockedPrefixes = ["spire_server.datastore.node", "spire_server.counter.datastore.node"]
      EnableTrustDomainLabel = true
    }
    """
  }

  @Test("Prometheus scrapes over TLS, datagrams arrive, dashboards find what they ask for", .timeLimit(.minutes(3)))
  func receivers() async throws {
    guard let python = Programs.python, FileManager.default.isExecutableFile(atPath: Self.prometheus) else { return }
    let deployment = try Deployment()
    let ports = try (0..<6).map { _ in try freePort() }
    let listener = try DaemonProcess(
      name: "datagrams", executable: python,
      arguments: Programs.pythonArguments
        + [Programs.client("datagrams.py"), deployment.directory] + ports[2...4].map { "\($0)" },
      logPath: deployment.directory + "/datagrams.log")
    defer { listener.signal(SIGKILL) }
    let receivers = (ports[2], ports[3], ports[4])
    deployment.serverBlocks = telemetry(prometheus: ports[0], receivers: receivers)
    deployment.agentSections = telemetry(prometheus: ports[1], receivers: receivers)
    try await deployment.startEverything()
    let fetched = try await deployment.agentCommand(["api", "fetch", "x509"])
    #expect(fetched.status == 0, "\(fetched.everything)")
    _ = try await deployment.serverCommand([
      "x509", "mint", "-spiffeID", "spiffe://example.org/prometheus", "-write", deployment.directory,
    ])

    let database = try startPrometheus(deployment, daemons: [ports[0], ports[1]], own: ports[5])
    defer { database.signal(SIGKILL) }
    try await deployment.python(
      "telemetry.py",
      [
        "127.0.0.1:\(ports[5])", "localhost:\(ports[0])", "localhost:\(ports[1])", deployment.directory,
        Programs.root + "/Deploy/grafana",
      ])
    // What was counted last leaves before the daemon ends.
    let agent = try #require(deployment.agent)
    #expect(await agent.stop() == 0)
  }

  private func startPrometheus(
    _ deployment: Deployment, daemons: [UInt16], own: UInt16
  ) throws -> DaemonProcess {
    let folder = deployment.directory
    let targets = daemons.map { "\"localhost:\($0)\"" }.joined(separator: ", ")
    try """
    global: { scrape_interval: 1s, scrape_timeout: 1s }
    scrape_configs:
      - job_name: spire
        scheme: https
        tls_config:
          cert_file: \(folder)/svid.pem
          key_file: \(folder)/key.pem
          insecure_skip_verify: true
        static_configs: [{ targets: [\(targets)] }]
      - job_name: stranger
        scheme: https
        tls_config: { insecure_skip_verify: true }
        static_configs: [{ targets: [\(targets)] }]
    """.write(toFile: folder + "/prometheus.yml", atomically: true, encoding: .utf8)
    return try DaemonProcess(
      name: "prometheus", executable: Self.prometheus,
      arguments: [
        "--config.file=\(folder)/prometheus.yml", "--storage.tsdb.path=\(folder)/prometheus",
        "--web.listen-address=127.0.0.1:\(own)",
      ], logPath: folder + "/prometheus.log")
  }
}
