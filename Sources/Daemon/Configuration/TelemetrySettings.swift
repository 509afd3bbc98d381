/// What becomes of the metrics: the checked `telemetry` section.
package struct TelemetrySettings: Hashable, Sendable {
  /// Where the Prometheus listener is.
  package struct Prometheus: Hashable, Sendable {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
      self.host = host
      self.port = port
    }
  }

  package var prometheus: Prometheus?
  /// Whether the metrics of the last hour are kept for a dump on SIGUSR1.
  package var hasInMemory = false
  /// The first part of every metric's name; nil for the program's own.
  package var metricPrefix: String?
  package var enableTrustDomainLabel = false
  package var enableHostnameLabel = true
  /// Empty lists do not filter.
  package var allowedPrefixes: [String] = []
  package var blockedPrefixes: [String] = []
  /// Nil lets all labels pass.
  package var allowedLabels: [String]?
  package var blockedLabels: [String] = []

  package init() {}

  /// - Parameter program: `Server` or `Agent`, as warnings call it.
  package init(_ file: TelemetryFile?, program: String, checks: inout ConfigurationChecks) {
    guard let file else { return }
    if let prometheus = file.prometheus {
      let host = ConfigurationMerge.text("", prometheus.host, default: "localhost")
      let port = prometheus.port ?? 0
      if !(0...65535).contains(port) {
        checks.fail("telemetry.Prometheus.port must be between 0 and 65535", key: "telemetry.Prometheus.port")
      }
      if host != "localhost" {
        checks.warn(
          "\(program) is now configured to accept remote network connections for Prometheus stats collection."
            + " Please ensure access to this port is tightly controlled.")
      }
      self.prometheus = Prometheus(host: host, port: port)
    }
    hasInMemory = file.hasInMemory
    if let prefix = file.metricPrefix, !prefix.isEmpty { metricPrefix = prefix }
    enableTrustDomainLabel = file.enableTrustDomainLabel ?? false
    enableHostnameLabel = file.enableHostnameLabel ?? true
    allowedPrefixes = file.allowedPrefixes ?? []
    blockedPrefixes = file.blockedPrefixes ?? []
    allowedLabels = file.allowedLabels
    blockedLabels = file.blockedLabels ?? []
  }
}
