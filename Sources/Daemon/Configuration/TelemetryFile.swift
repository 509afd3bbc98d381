package import HCL

/// The `telemetry` section as written. Every key is optional; unknown keys directly under `telemetry` are not reported.
package struct TelemetryFile: Sendable {
  /// `Prometheus`: an HTTP listener that is scraped.
  package struct Prometheus: Sendable {
    /// `tls`: how the listener is protected.
    package struct TLS: Sendable {
      /// `cert_file`: PEM of the listener's own certificate.
      package var certFile: String?
      /// `key_file`: PEM of its key.
      package var keyFile: String?
      /// `client_ca_file`: scrapers must have a certificate of this CA.
      package var clientCAFile: String?
      /// `use_spire_svid`: serve with the daemon's own SVID.
      package var useSPIRESVID: Bool?
      /// `authorized_spiffe_ids`: the scrapers that are let in.
      package var authorizedSPIFFEIDs: [String]?
    }

    /// `host`, default `localhost`.
    package var host: String?
    /// `port`
    package var port: Int?
    /// `tls`
    package var tls: TLS?
  }

  /// One `DogStatsd`, `Statsd` or `M3` receiver.
  package struct Receiver: Sendable {
    /// `address`: host and port.
    package var address: String?
    /// `env`, of M3 only.
    package var environment: String?
  }

  /// `Prometheus`
  package var prometheus: Prometheus?
  /// `DogStatsd`, any number.
  package var dogStatsd: [Receiver] = []
  /// `Statsd`, any number.
  package var statsd: [Receiver] = []
  /// `M3`, any number.
  package var m3: [Receiver] = []
  /// `InMem`: active when present.
  package var hasInMemory = false
  /// `MetricPrefix`: the service name in front of every metric.
  package var metricPrefix: String?
  /// `EnableTrustDomainLabel`, default false.
  package var enableTrustDomainLabel: Bool?
  /// `EnableHostnameLabel`, default true.
  package var enableHostnameLabel: Bool?
  /// `AllowedPrefixes`: only metrics with these prefixes, when not empty.
  package var allowedPrefixes: [String]?
  /// `BlockedPrefixes`: no metrics with these prefixes.
  package var blockedPrefixes: [String]?
  /// `AllowedLabels`: only these labels.
  package var allowedLabels: [String]?
  /// `BlockedLabels`: not these labels.
  package var blockedLabels: [String]?

  package init(_ section: inout HCLSection) {
    if var inner = section.section("Prometheus") {
      prometheus = Prometheus(&inner)
      inner.reportUnknownKeys(as: "Prometheus")
    }
    dogStatsd = Self.receivers(&section, "DogStatsd")
    statsd = Self.receivers(&section, "Statsd")
    m3 = Self.receivers(&section, "M3")
    if let inner = section.section("InMem") {
      hasInMemory = true
      inner.reportUnknownKeys(as: "InMem")
    }
    metricPrefix = section.string("MetricPrefix")
    enableTrustDomainLabel = section.bool("EnableTrustDomainLabel")
    enableHostnameLabel = section.bool("EnableHostnameLabel")
    allowedPrefixes = section.strings("AllowedPrefixes")
    blockedPrefixes = section.strings("BlockedPrefixes")
    allowedLabels = section.strings("AllowedLabels")
    blockedLabels = section.strings("BlockedLabels")
  }

  private static func receivers(_ section: inout HCLSection, _ key: String) -> [Receiver] {
    section.sections(key).map { element in
      var element = element
      var receiver = Receiver(address: element.string("address"))
      if key == "M3" { receiver.environment = element.string("env") }
      element.reportUnknownKeys(as: key)
      return receiver
    }
  }
}

extension TelemetryFile.Prometheus {
  init(_ section: inout HCLSection) {
    host = section.string("host")
    port = section.int("port")
    guard var inner = section.section("tls") else { return }
    tls = TLS(
      certFile: inner.string("cert_file"), keyFile: inner.string("key_file"),
      clientCAFile: inner.string("client_ca_file"), useSPIRESVID: inner.bool("use_spire_svid"),
      authorizedSPIFFEIDs: inner.strings("authorized_spiffe_ids"))
  }
}
