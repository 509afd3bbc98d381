import Authority
import Daemon
import Logging
import RPC
import WebCertificates

extension ServerRuntime {
  /// What metrics need to run, once there is an SVID to protect them with.
  func telemetryMembers(
    _ telemetry: Telemetry, svid: ServerSVIDRotator, bundles: BundleCache
  ) throws -> [DaemonRunner.Member] {
    guard let settings = configuration.telemetry.prometheus?.tls else { return telemetry.services() }
    let tls = try MetricsTLS(
      settings, policy: configuration.tls,
      identity: MetricsTLS.Identity(
        credential: {
          let current = svid.current
          return TLSCredential(chain: current.chain, key: .der(current.privateKey))
        }, verifier: { try await bundles.verifier(for: $0) }),
      time: time, logger: logger.with(subsystem: "telemetry"))
    return [.init(service: tls, name: "prometheus_tls")] + telemetry.services { try tls.prepare($0) }
  }
}
