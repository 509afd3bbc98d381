import FoundationEssentials

/// What becomes of the metrics: the checked `telemetry` section.
package struct TelemetrySettings: Hashable, Sendable {
  /// Where the Prometheus listener is.
  package struct Prometheus: Hashable, Sendable {
    package var host: String
    package var port: Int
    /// Nil serves in the clear.
    package var tls: TLS?

    package init(host: String, port: Int, tls: TLS? = nil) {
      self.host = host
      self.port = port
      self.tls = tls
    }
  }

  /// How the Prometheus listener proves who it is, and whom it lets in.
  package struct TLS: Hashable, Sendable {
    package enum Credential: Hashable, Sendable {
      /// The daemon's own SVID, the one of the moment.
      case svid
      case files(certificate: String, key: String)
    }

    package var credential: Credential
    /// PEM of the authorities of clients; nil asks nobody for a certificate.
    package var clientCAFile: String?
    /// The clients that are let in with their SVIDs; none asks for no SVID.
    package var authorizedSPIFFEIDs: [String] = []

    package init(credential: Credential, clientCAFile: String? = nil, authorizedSPIFFEIDs: [String] = []) {
      self.credential = credential
      self.clientCAFile = clientCAFile
      self.authorizedSPIFFEIDs = authorizedSPIFFEIDs
    }
  }

  /// An M3 collector.
  package struct M3: Hashable, Sendable {
    package var address: DatagramAddress
    /// The tag `env`.
    package var environment: String
  }

  package var prometheus: Prometheus?
  package var statsd: [DatagramAddress] = []
  package var dogStatsd: [DatagramAddress] = []
  /// In front of each DogStatsD line's tags; from the environment, as Datadog's client reads it.
  package var dogStatsdTags: [String] = []
  package var m3: [M3] = []
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

  /// - Parameters:
  ///   - program: `Server` or `Agent`, as warnings call it.
  ///   - environment: where Datadog's client looks for its agent and its tags.
  package init(
    _ file: TelemetryFile?, program: String, environment: [String: String] = ProcessInfo.processInfo.environment,
    checks: inout ConfigurationChecks
  ) {
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
      self.prometheus = Prometheus(host: host, port: port, tls: prometheus.tls.flatMap { Self.tls($0, &checks) })
    }
    readReceivers(file, environment, &checks)
    hasInMemory = file.hasInMemory
    if let prefix = file.metricPrefix, !prefix.isEmpty { metricPrefix = prefix }
    enableTrustDomainLabel = file.enableTrustDomainLabel ?? false
    enableHostnameLabel = file.enableHostnameLabel ?? true
    allowedPrefixes = file.allowedPrefixes ?? []
    blockedPrefixes = file.blockedPrefixes ?? []
    allowedLabels = file.allowedLabels
    blockedLabels = file.blockedLabels ?? []
  }
  private static func tls(_ file: TelemetryFile.Prometheus.TLS, _ checks: inout ConfigurationChecks) -> TLS? {
    let certificate = file.certFile ?? ""
    let key = file.keyFile ?? ""
    let usesSVID = file.useSPIRESVID ?? false
    let ids = file.authorizedSPIFFEIDs ?? []
    let clientCA = file.clientCAFile ?? ""
    func fail(_ reason: String) {
      checks.fail("failed to create TLS config for Prometheus: \(reason)", key: "telemetry.Prometheus.tls")
    }
    if usesSVID, !certificate.isEmpty || !key.isEmpty {
      fail("cert_file and key_file cannot be configured when use_spire_svid is enabled")
    } else if !usesSVID, certificate.isEmpty || key.isEmpty {
      fail("cert_file and key_file must both be configured unless use_spire_svid is enabled")
    } else if !ids.isEmpty, !clientCA.isEmpty {
      fail("client_ca_file cannot be configured with authorized_spiffe_ids")
    }
    return TLS(
      credential: usesSVID ? .svid : .files(certificate: certificate, key: key),
      clientCAFile: clientCA.isEmpty ? nil : clientCA, authorizedSPIFFEIDs: ids)
  }

  private mutating func readReceivers(
    _ file: TelemetryFile, _ environment: [String: String], _ checks: inout ConfigurationChecks
  ) {
    for receiver in file.statsd {
      let address = receiver.address ?? ""
      // SPIRE: it starts, and fails to connect for ever.
      do { statsd.append(try DatagramAddress(address)) } catch {
        checks.warn("Metrics cannot be sent to Statsd: \(error)", fields: ["address": address])
      }
    }
    for receiver in file.dogStatsd {
      var address = receiver.address ?? ""
      if address.isEmpty, let host = environment["DD_AGENT_HOST"], !host.isEmpty {
        address = "\(host):\(environment["DD_DOGSTATSD_PORT"] ?? "8125")"
      }
      guard !address.isEmpty else {
        checks.fail(
          "No address passed and autodetection from environment failed: set address or DD_AGENT_HOST",
          key: "telemetry.DogStatsd")
        continue
      }
      do { dogStatsd.append(try DatagramAddress(address, allowsUnix: true)) } catch {
        checks.fail("DogStatsd: \(error)", key: "telemetry.DogStatsd")
      }
    }
    let tags = [
      ("DD_ENTITY_ID", "dd.internal.entity_id"), ("DD_ENV", "env"), ("DD_SERVICE", "service"),
      ("DD_VERSION", "version"),
    ]
    dogStatsdTags = tags.compactMap { name, tag in
      environment[name].flatMap { $0.isEmpty ? nil : "\(tag):\($0)" }
    }
    for receiver in file.m3 {
      let environment = receiver.environment ?? ""
      if environment.isEmpty { checks.fail("M3: env common tag is required", key: "telemetry.M3") }
      do { m3.append(M3(address: try DatagramAddress(receiver.address ?? ""), environment: environment)) } catch {
        checks.fail("M3: \(error)", key: "telemetry.M3")
      }
    }
  }
}
