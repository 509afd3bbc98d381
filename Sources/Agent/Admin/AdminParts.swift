package import Daemon
package import FoundationEssentials
package import SPIFFE

/// What the services of the admin socket work on. Put together once, when the agent has an identity.
package struct AdminParts: Sendable {
  package let startedAt: Date
  package let logLevel: LogLevelControl
  package let identity: AgentIdentity
  package let cache: WorkloadCacheStore
  package let storeCache: SVIDStoreCache?
  package let issuer: JWTSVIDIssuer
  package let synchronizer: Synchronizer
  package let attestation: WorkloadAttestation
  package let earlySync: EarlySync
  package let server: ServerAddress
  package let syncInterval: Duration
  package let time: any TimeSource
  package let metrics: Metrics
  /// `authorized_delegates`
  package let delegates: Delegates
  /// The SPIFFE IDs of `experimental.broker.brokers`.
  package let brokers: Set<SPIFFEID>

  package init(
    startedAt: Date, logLevel: LogLevelControl, identity: AgentIdentity, cache: WorkloadCacheStore,
    storeCache: SVIDStoreCache? = nil, issuer: JWTSVIDIssuer, synchronizer: Synchronizer,
    attestation: WorkloadAttestation, earlySync: EarlySync,
    server: ServerAddress, syncInterval: Duration, time: any TimeSource, metrics: Metrics,
    delegates: Delegates = Delegates([]), brokers: Set<SPIFFEID> = []
  ) {
    self.startedAt = startedAt
    self.logLevel = logLevel
    self.identity = identity
    self.cache = cache
    self.storeCache = storeCache
    self.issuer = issuer
    self.synchronizer = synchronizer
    self.attestation = attestation
    self.earlySync = earlySync
    self.server = server
    self.syncInterval = syncInterval
    self.time = time
    self.metrics = metrics
    self.delegates = delegates
    self.brokers = brokers
  }
}
