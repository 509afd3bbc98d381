import AgentPlugins
import Daemon

/// What a session is made of once the agent has an identity.
extension AgentSession {
  struct Parts: Sendable {
    let manager: AgentManager
    let stores: SVIDStoreService
    let cache: WorkloadCacheStore
    let api: WorkloadAPI
    let admin: AdminParts
  }

  /// What is kept for workloads, and who brings it up to date.
  private struct Stock {
    let cache: WorkloadCacheStore
    let storeCache: SVIDStoreCache
    let issuer: JWTSVIDIssuer
    let witIssuer: WITSVIDIssuer?
    let synchronizer: Synchronizer
    let earlySync: EarlySync
  }

  private var rotationPolicy: RotationPolicy {
    RotationPolicy(availabilityTarget: configuration.availabilityTarget)
  }

  private var syncOptions: SyncOptions {
    SyncOptions(interval: configuration.syncInterval, usesEntrySync: configuration.usesSyncAuthorizedEntries)
  }

  func makeParts(
    _ identity: AgentIdentity, _ server: GRPCServerAPI, _ attestation: NodeAttestation, _ rebootstrap: Rebootstrap
  ) -> Parts {
    let stock = makeStock(identity, server)
    let workloads = WorkloadAttestation(
      attestors: workloadAttestors, time: time, metrics: metrics,
      logger: log.logger.with(subsystem: "workload_attestor"))
    let api = WorkloadAPI(
      attestation: workloads, cache: stock.cache, issuer: stock.issuer, witIssuer: stock.witIssuer,
      earlySync: stock.earlySync, trustDomain: configuration.trustDomain,
      options: WorkloadAPI.Options(configuration), time: time, metrics: metrics)
    let admin = AdminParts(
      startedAt: startedAt, logLevel: log.level, identity: identity, cache: stock.cache, storeCache: stock.storeCache,
      issuer: stock.issuer, synchronizer: stock.synchronizer, attestation: workloads, earlySync: stock.earlySync,
      server: ServerAddress(
        host: configuration.serverAddress, port: configuration.serverPort, trustDomain: configuration.trustDomain),
      syncInterval: configuration.syncInterval, time: time, metrics: metrics,
      delegates: Delegates(configuration.authorizedDelegates), brokers: Set((configuration.broker?.brokers ?? [:]).keys)
    )
    return Parts(
      manager: makeManager(stock, identity, server, attestation, rebootstrap), stores: makeStores(stock, server),
      cache: stock.cache, api: api, admin: admin)
  }

  private func makeStock(_ identity: AgentIdentity, _ server: GRPCServerAPI) -> Stock {
    let logger = log.logger.with(subsystem: "manager")
    let cache = WorkloadCacheStore(
      bundles: BundleSet(own: identity.bundle), limit: configuration.x509SVIDCacheMaxSize, time: time, metrics: metrics,
      logger: log.logger.with(subsystem: "cache_manager"))
    let storeCache = SVIDStoreCache(
      plugins: svidStores.map(\.name), time: time, metrics: metrics,
      logger: log.logger.with(subsystem: "svid_store_cache"))
    let issuer = JWTSVIDIssuer(
      server: server, limit: configuration.jwtSVIDCacheMaxSize, cacheHitTimeout: configuration.jwtSVIDCacheHitTimeout,
      time: time, random: random, metrics: metrics, logger: logger)
    let witIssuer =
      configuration.areWITSVIDsEnabled
      ? WITSVIDIssuer(
        server: server, keyType: configuration.workloadX509SVIDKeyType, policy: rotationPolicy,
        limit: configuration.x509SVIDCacheMaxSize, time: time, random: random, metrics: metrics, logger: logger) : nil
    let synchronizer = Synchronizer(
      server: server, cache: cache, identity: identity, jwtCache: issuer, witCache: witIssuer, storeCache: storeCache,
      storage: storage, options: syncOptions, time: time, metrics: metrics, logger: logger)
    return Stock(
      cache: cache, storeCache: storeCache, issuer: issuer, witIssuer: witIssuer, synchronizer: synchronizer,
      earlySync: EarlySync(time: time))
  }

  private func makeManager(
    _ stock: Stock, _ identity: AgentIdentity, _ server: GRPCServerAPI, _ attestation: NodeAttestation,
    _ rebootstrap: Rebootstrap
  ) -> AgentManager {
    let logger = log.logger.with(subsystem: "manager")
    let (cache, earlySync) = (stock.cache, stock.earlySync)
    let clock = ClockWatch(time: time, logger: logger)
    return AgentManager(
      server: server, synchronizer: stock.synchronizer,
      signer: WorkloadSigner(
        server: server, cache: cache, keyType: configuration.workloadX509SVIDKeyType, policy: rotationPolicy,
        time: time, random: random, metrics: metrics, logger: logger),
      rotator: AgentSVIDRotator(
        identity: identity, attestation: attestation, server: server, time: time, clock: clock, random: random,
        metrics: metrics, logger: logger, servedUntil: { cache.lastExpiry },
        replaced: { earlySync.syncNeeded.ring() }),
      cache: cache, earlySync: earlySync, clock: clock, rebootstrap: rebootstrap, options: syncOptions, time: time,
      random: random, logger: logger)
  }

  private func makeStores(_ stock: Stock, _ server: GRPCServerAPI) -> SVIDStoreService {
    SVIDStoreService(
      stores: svidStores, cache: stock.storeCache,
      signer: WorkloadSigner(
        server: server, cache: stock.storeCache, keyType: configuration.workloadX509SVIDKeyType,
        policy: rotationPolicy, time: time, random: random, metrics: metrics,
        logger: log.logger.with(subsystem: "manager")),
      time: time, random: random, metrics: metrics, logger: log.logger.with(subsystem: "svid_store_service"),
      signed: { [synchronizer = stock.synchronizer] in await synchronizer.reportTainted() })
  }
}
