package import FoundationEssentials
import Glibc
package import Logging

/// A daemon's metrics as its configuration asks for them: the handle for all parts, and what has to run for it.
///
/// Made once by the composition root.
package struct Telemetry: Sendable {
  package let metrics: Metrics
  /// Run them in this order, before everything else.
  package let services: [DaemonRunner.Member]
  private let inMemory: InMemorySink?

  /// - Parameters:
  ///   - prefix: the daemon's own prefix, `spire_server` or `spire_agent`.
  ///   - logger: with the subsystem `telemetry`.
  package init(
    _ settings: TelemetrySettings, prefix: String, trustDomain: String, start: Date, time: any TimeSource,
    logger: Logger
  ) {
    let prefix = settings.metricPrefix ?? prefix
    var labels: [MetricLabel] = []
    if settings.enableHostnameLabel { labels.append(MetricLabel("host", Self.hostName)) }
    if settings.enableTrustDomainLabel { labels.append(MetricLabel("trust_domain", trustDomain)) }
    let prometheus = settings.prometheus.map { _ in PrometheusSink(prefix: prefix, time: time) }
    inMemory = settings.hasInMemory ? InMemorySink(time: time) : nil
    let sinks: [any MetricsSink] = ([prometheus, inMemory] as [(any MetricsSink)?]).compactMap { $0 }
    let filter = MetricsFilter(
      allowedPrefixes: settings.allowedPrefixes, blockedPrefixes: settings.blockedPrefixes,
      allowedLabels: settings.allowedLabels, blockedLabels: settings.blockedLabels)
    metrics =
      sinks.isEmpty
      ? .none : Metrics(sinks: [MetricsDecorator(prefix: prefix, labels: labels, filter: filter, sinks: sinks)])
    var services: [DaemonRunner.Member] = []
    if let prometheus, let place = settings.prometheus {
      let listener = PrometheusListener.make(host: place.host, port: place.port, sink: prometheus) { address in
        logger.info("Starting prometheus exporter", metadata: ["listen_addr": "\(address)"])
      }
      services.append(.init(service: listener, name: "prometheus"))
    }
    if !sinks.isEmpty {
      let started = [
        MetricLabel("version", Version.upstream), MetricLabel("trust_domain_id", "spiffe://" + trustDomain),
      ]
      services.append(
        .init(
          service: UptimeReporter(metrics: metrics, time: time, labels: started, start: start), name: "uptime"))
    }
    self.services = services
  }

  /// What the in-memory sink holds, one line per metric (SIGUSR1); empty without one.
  package func dump() -> [String] { inMemory?.dump() ?? [] }

  private static var hostName: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
