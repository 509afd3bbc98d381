import Daemon
import Logging
import RPC
import SPIFFE
import Synchronization
import WebCertificates

/// What the agent is, for those who were there before it knew: the listener of its metrics. Set once, by the session; any
/// thread.
final class AgentPresence: Sendable {
  private let state = Mutex<(identity: AgentIdentity, cache: WorkloadCacheStore)?>(nil)

  func set(_ identity: AgentIdentity, _ cache: WorkloadCacheStore) { state.withLock { $0 = (identity, cache) } }

  var identity: AgentIdentity? { state.withLock { $0?.identity } }

  /// For SVIDs of this trust domain, or of one with which a workload of this agent federates.
  func verifier(for domain: TrustDomain) -> X509SVIDVerifier? {
    guard let (identity, cache) = state.withLock({ $0 }) else { return nil }
    if identity.bundle.trustDomain == domain { return X509SVIDVerifier(bundle: identity.bundle) }
    return cache.bundles.federated[domain].map { X509SVIDVerifier(bundle: $0.bundle) }
  }
}

extension AgentRuntime {
  /// What metrics need to run. With the agent's SVID nobody is served before there is one.
  func telemetryMembers(_ telemetry: Telemetry, _ presence: AgentPresence) throws -> [DaemonRunner.Member] {
    guard let settings = configuration.telemetry.prometheus?.tls else { return telemetry.services() }
    let tls = try MetricsTLS(
      settings, policy: configuration.tls,
      identity: MetricsTLS.Identity(
        credential: {
          guard let svid = presence.identity?.svid else {
            throw AgentError(.unavailable, "the agent has no SVID yet")
          }
          return TLSCredential(chain: svid.chain, key: .signer(ManagedKeySigner(svid.key)))
        }, verifier: { presence.verifier(for: $0) }),
      time: time, logger: log.logger.with(subsystem: "telemetry"))
    return [.init(service: tls, name: "prometheus_tls")] + telemetry.services { try tls.prepare($0) }
  }
}
