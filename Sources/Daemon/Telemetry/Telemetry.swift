package import FoundationEssentials
import Glibc
package import Logging
package import NIOCore

/// A daemon's metrics as its configuration asks for them: the handle for all parts, and what has to run for it.
///
/// Made once by the composition root.
package struct Telemetry: Sendable {
  package let metrics: Metrics
  private let settings: TelemetrySettings
  private let prometheus: PrometheusSink?
  private let inMemory: InMemorySink?
  private let others: [DaemonRunner.Member]
  private let time: any TimeSource
  private let logger: Logger

  /// - Parameters:
  ///   - prefix: the daemon's own prefix, `spire_server` or `spire_agent`.
  ///   - logger: with the subsystem `telemetry`.
  package init(
    _ settings: TelemetrySettings, prefix: String, trustDomain: String, start: Date, time: any TimeSource,
    logger: Logger
  ) {
    self.settings = settings
    self.time = time
    self.logger = logger
    let service = prefix
    let prefix = settings.metricPrefix ?? prefix
    let prometheus = settings.prometheus.map { _ in PrometheusSink(prefix: prefix, time: time) }
    self.prometheus = prometheus
    inMemory = settings.hasInMemory ? InMemorySink(time: time) : nil
    var plain: [any MetricsSink] = ([prometheus, inMemory] as [(any MetricsSink)?]).compactMap { $0 }
    var typed: [any MetricsSink] = []
    var services: [DaemonRunner.Member] = []
    func report(_ kind: String, _ address: DatagramAddress, _ source: any DatagramSource, every interval: Duration) {
      let reporter = DatagramReporter(kind, to: address, from: source, every: interval, time: time, logger: logger)
      services.append(.init(service: reporter, name: kind))
    }
    for address in settings.statsd {
      let sink = StatsdSink(.statsd)
      plain.append(sink)
      report("statsd", address, sink.queue, every: .milliseconds(100))
    }
    for address in settings.dogStatsd {
      let sink = StatsdSink(.dogStatsd(global: settings.dogStatsdTags))
      plain.append(sink)
      report("dogstatsd", address, sink.queue, every: .milliseconds(100))
    }
    for receiver in settings.m3 {
      let sink = M3Sink(service: service, environment: receiver.environment, time: time)
      typed.append(sink)
      report("m3", receiver.address, sink, every: .seconds(1))
    }
    func decorated(_ sinks: [any MetricsSink], hasTypes: Bool) -> MetricsDecorator? {
      guard !sinks.isEmpty else { return nil }
      return MetricsDecorator(
        prefix: prefix, labels: settings.enableTrustDomainLabel ? [MetricLabel("trust_domain", trustDomain)] : [],
        host: settings.enableHostnameLabel ? Self.hostName : nil,
        filter: MetricsFilter(
          allowedPrefixes: settings.allowedPrefixes, blockedPrefixes: settings.blockedPrefixes,
          allowedLabels: settings.allowedLabels, blockedLabels: settings.blockedLabels),
        hasTypes: hasTypes, sinks: sinks)
    }
    let decorators = [decorated(plain, hasTypes: false), decorated(typed, hasTypes: true)].compactMap { $0 }
    metrics = decorators.isEmpty ? .none : Metrics(sinks: decorators)
    if !decorators.isEmpty {
      let started = [
        MetricLabel("version", Version.upstream), MetricLabel("trust_domain_id", "spiffe://" + trustDomain),
      ]
      services.append(
        .init(
          service: UptimeReporter(metrics: metrics, time: time, labels: started, start: start), name: "uptime"))
    }
    others = services
  }

  /// What has to run, in this order, before everything else.
  ///
  /// - Parameter prepare: puts TLS in front of Prometheus' connections, where it is configured.
  package func services(
    prepare: (@Sendable (any Channel) throws -> Void)? = nil
  ) -> [DaemonRunner.Member] {
    guard let prometheus, let place = settings.prometheus else { return others }
    let logger = logger
    let isProtected = place.tls != nil
    // What is to be protected is not served at all without.
    let prepare = prepare ?? { _ in if isProtected { throw ChannelError.operationUnsupported } }
    let service = PrometheusService(time: time, logger: logger) {
      PrometheusListener.make(host: place.host, port: place.port, sink: prometheus, prepare: prepare) { address in
        logger.info("Starting prometheus exporter", metadata: ["listen_addr": "\(address)"])
      }
    }
    return [.init(service: service, name: "prometheus")] + others
  }

  /// What the in-memory sink holds, one line per metric (SIGUSR1); empty without one.
  package func dump() -> [String] { inMemory?.dump() ?? [] }

  private static var hostName: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
