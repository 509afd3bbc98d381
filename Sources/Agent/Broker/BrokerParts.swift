package import Daemon

/// What the broker API works on. Put together once, when the agent has an identity; shared by its sockets.
package struct BrokerParts: Sendable {
  package let settings: BrokerSettings
  package let trust: BrokerTrust
  package let identity: AgentIdentity
  package let cache: WorkloadCacheStore
  package let issuer: JWTSVIDIssuer
  package let attestation: WorkloadAttestation
  package let earlySync: EarlySync
  package let time: any TimeSource
  package let metrics: Metrics
  let connections: APIConnections

  /// - Parameter parts: those of the admin socket, which are the same.
  package init(_ settings: BrokerSettings, _ parts: AdminParts) {
    self.settings = settings
    trust = BrokerTrust(cache: parts.cache, brokers: Set(settings.brokers.keys), time: parts.time)
    identity = parts.identity
    cache = parts.cache
    issuer = parts.issuer
    attestation = parts.attestation
    earlySync = parts.earlySync
    time = parts.time
    metrics = parts.metrics
    connections = APIConnections("broker_api", metrics: parts.metrics)
  }
}
