package import Daemon
package import FoundationEssentials
package import Logging
import SPIFFE

/// Brings the server's entries and bundles to the cache (agent-behaviour §6.2-§6.5).
///
/// The manager's sync loop calls it, one sync at a time; an actor isolates what it remembers between syncs.
package actor Synchronizer {
  private let server: any ServerAPI
  let cache: WorkloadCacheStore
  let identity: AgentIdentity
  private let jwtCache: JWTSVIDIssuer
  private let witCache: WITSVIDIssuer?
  private let storeCache: SVIDStoreCache?
  private let storage: AgentStorage
  private let options: SyncOptions
  let time: any TimeSource
  let metrics: Metrics
  let logger: Logger
  var entries: [String: AgentEntry] = [:]
  var federated: [TrustDomain: Bundle] = [:]
  // See Synchronizer+Watch.swift.
  var watch = WatchProgress()
  var outbox: WatchOutbox?
  private var taintedX509: Set<[UInt8]> = []
  /// Those of the last own bundle; nil before the first one.
  private var knownX509: Set<[UInt8]>?
  /// Those that the own bundle had and has no more.
  private var goneX509: Set<[UInt8]> = []
  /// Whose SVIDs are being replaced.
  private var replacedX509: Set<[UInt8]> = []
  private var taintedJWT: Set<String> = []
  private var taintedWIT: Set<String> = []
  /// What the server was told last about SVIDs of tainted authorities, on the stream that is open.
  var reportedTainted: Int?
  /// When the last complete sync ended.
  package internal(set) var lastSync: Date?
  /// When and why a sync failed, if the last one did.
  package var lastFailure: (at: Date, message: String)? {
    guard let failure, lastSync.map({ $0 < failure.at }) ?? true else { return nil }
    return failure
  }
  private var failure: (at: Date, message: String)?

  package init(
    server: any ServerAPI, cache: WorkloadCacheStore, identity: AgentIdentity, jwtCache: JWTSVIDIssuer,
    witCache: WITSVIDIssuer? = nil, storeCache: SVIDStoreCache? = nil, storage: AgentStorage, options: SyncOptions,
    time: any TimeSource, metrics: Metrics,
    logger: Logger
  ) {
    self.server = server
    self.cache = cache
    self.identity = identity
    self.jwtCache = jwtCache
    self.witCache = witCache
    self.storeCache = storeCache
    self.storage = storage
    self.options = options
    self.time = time
    self.metrics = metrics
    self.logger = logger
  }

  /// One sync; true if it brought the cache anything new.
  package func synchronize() async throws -> Bool {
    let (known, arrivals) = (entries, watch.arrivals)
    let fetched = try await metrics.call(["manager", "sync", "fetch_entries_updates"]) {
      let late = AgentError(.deadlineExceeded, "synchronization with the server timed out")
      return try await withTimeout(options.timeout, time, late: late) { [self] in
        try await fetch(known, arrivals)
      }
    }
    // The watch stream overtook us: what it told is as new or newer.
    guard watch.arrivals == arrivals else {
      lastSync = time.now
      // What was taken over before it did belongs into the cache.
      let (changed, _) = cache.replace(entries: entries.values)
      updateStores()
      if changed { checkWatch() }
      return changed
    }
    let own = fetched.own
    try await takeOver(own)
    processTaintedAuthorities(of: own)
    federated = Dictionary(fetched.federated.map { ($0.trustDomain, $0) }, uniquingKeysWith: { $1 })
    let changed = cache.update(entries: entries.values, bundle: own, federated: fetched.federated)
    updateStores()
    lastSync = time.now
    if changed { checkWatch() }
    metrics.setGauge(["sync_bundles_total"], to: Double(1 + fetched.federated.count))
    return changed
  }

  /// Hands on what concerns SVID stores; the cache of the workloads has it already.
  func updateStores() { storeCache?.update(entries: cache.storeEntries, bundles: cache.bundles) }

  /// Notes that a sync failed, for explanations.
  package func failed(_ error: AgentError) { failure = (time.now, error.message) }

  private func fetch(
    _ known: [String: AgentEntry], _ arrivals: UInt64
  ) async throws -> (own: Bundle, federated: [Bundle]) {
    async let own = server.bundle()
    try await fetchEntries(known, arrivals)
    let domains = Set(entries.values.flatMap(\.federatesWith)).subtracting([identity.svid.id.trustDomain]).sorted()
    let federated = try await fetchBundles(domains)
    return (try await own, federated)
  }

  private func fetchEntries(_ known: [String: AgentEntry], _ arrivals: UInt64) async throws {
    var sync = EntrySync(entries: known)
    var failure: AgentError?
    if options.usesEntrySync {
      (sync, failure) = await server.syncEntries(sync)
    } else {
      let page = try await server.authorizedEntries()
      _ = try sync.receive(EntrySyncAnswer(entries: page))
    }
    if watch.arrivals == arrivals { finish(sync) }
    if let failure { throw failure }
  }

  /// Keeps what a sync found, also when it broke off: what was refreshed stays refreshed.
  func finish(_ sync: EntrySync) {
    entries = sync.entries
    for warning in sync.warnings { logger.warning("Received malformed entry", metadata: ["error": "\(warning)"]) }
    metrics.setGauge(["sync_entries_total"], to: Double(sync.statistics.total))
    metrics.setGauge(["sync_entries_missing"], to: Double(sync.statistics.missing))
    metrics.setGauge(["sync_entries_stale"], to: Double(sync.statistics.stale))
    metrics.setGauge(["sync_entries_dropped"], to: Double(sync.statistics.dropped))
  }

  /// The bundles of other trust domains, ten at a time; those the server does not have are left out.
  private func fetchBundles(_ domains: [TrustDomain]) async throws -> [Bundle] {
    let server = server
    return try await withThrowingTaskGroup(of: (TrustDomain, Bundle?, AgentError?).self) { group in
      var result: [Bundle] = []
      var rest = domains[...]
      func add() {
        guard let domain = rest.popFirst() else { return }
        group.addTask {
          do { return (domain, try await server.federatedBundle(domain), nil) } catch {
            let failure = AgentError.wrapping(error)
            if failure.code == .malformed { return (domain, nil, failure) }
            throw failure.during("failed to fetch the federated bundle of \"\(domain)\"")
          }
        }
      }
      for _ in 0..<10 { add() }
      while let (domain, bundle, failure) = try await group.next() {
        add()
        if let bundle { result.append(bundle) }
        let field: Logger.Metadata = ["federated_trust_domain": "\(domain.idString)"]
        if let failure {
          logger.warning(
            "Received malformed bundle", metadata: field.merging(["error": "\(failure.message)"]) { $1 })
        } else if bundle == nil {
          logger.warning("Federated bundle not found", metadata: field)
        }
      }
      return result
    }
  }

  /// Trusts the bundle from now on, and after a restart.
  func takeOver(_ own: Bundle) async throws(AgentError) {
    guard own.trustDomain == identity.svid.id.trustDomain, !own.x509Authorities.isEmpty else {
      throw AgentError(.malformed, "the server returned no bundle of the agent's trust domain")
    }
    _ = identity.replace(bundle: own)
    do {
      try await storage.keep { $0.bundle = own.x509Authorities.map(\.der) }
    } catch {
      // Workloads get the bundle whatever the disk does.
      logger.error("Could not store bundle", metadata: ["error": "\(error.message)"])
    }
  }

  /// Has everything replaced that a newly tainted authority signed (agent-behaviour §9). Each authority is handled
  /// once. Whether there is anything to be replaced.
  @discardableResult
  func processTaintedAuthorities(of own: Bundle) -> Bool {
    var needsReplacement = false
    let present = Set(own.x509Authorities.compactMap { CertificateFacts.subjectKeyID(of: $0.der) })
    let x509 = Set(own.x509Authorities.filter(\.tainted).compactMap { CertificateFacts.subjectKeyID(of: $0.der) })
    // Whoever was not told that an authority was tainted sees it gone: what it signed is worth nothing any more.
    goneX509.formUnion((knownX509 ?? present).subtracting(present))
    goneX509.subtract(present)
    knownX509 = present
    let newX509 = x509.subtracting(taintedX509)
    let replaced = x509.union(goneX509)
    let isNews = !replaced.isSubset(of: replacedX509)
    (taintedX509, replacedX509) = (x509, replaced)
    if isNews {
      let call = metrics.startCall(["cache_manager", "workload", "process_tainted_x509_svids"])
      let count = cache.taint(keyIDs: replaced)
      needsReplacement = count > 0
      _ = storeCache?.taint(keyIDs: replaced)
      metrics.addSample(["cache_manager", "tainted_x509_svids", "workload"], Double(count))
      call.done()
      if newX509.isEmpty {
        if count > 0 {
          logger.info(
            "X.509 authorities have left the bundle; replacing what they signed", metadata: ["count": "\(count)"])
        }
      } else {
        logger.info("New tainted X.509 authorities found", metadata: ["count": "\(count)"])
      }
      if identity.taint(keyIDs: replaced) {
        logger.info("Agent SVID is tainted by a root authority, forcing rotation")
      }
    }
    taintedJWT = replaceSigned(by: own.jwtAuthorities, known: taintedJWT, "JWT") { jwtCache.taint(keyIDs: $0) }
    if let witCache {
      taintedWIT = replaceSigned(by: own.witAuthorities, known: taintedWIT, "WIT") { witCache.taint(keyIDs: $0) }
    }
    return needsReplacement
  }

  /// While an authority is tainted, tells the server on the watch stream how many SVIDs that it signed are left.
  package func reportTainted() {
    guard let outbox, !taintedX509.isEmpty else { return }
    let count = cache.taintedCount + (storeCache?.taintedCount ?? 0) + (identity.isTainted ? 1 : 0)
    guard count != reportedTainted else { return }
    do throws(AgentError) {
      try outbox.send(.report(taintedSVIDs: count))
      reportedTainted = count
    } catch {
      logger.debug("Could not report on the watch stream", metadata: ["error": "\(error.message)"])
    }
  }

  /// Has the tokens given up that tainted keys signed, when there are new ones; returns all keys that are tainted.
  private func replaceSigned(
    by authorities: [JWTAuthority], known: Set<String>, _ kind: String, _ taint: (Set<String>) -> Int
  ) -> Set<String> {
    let tainted = Set(authorities.filter(\.tainted).map(\.keyID))
    if !tainted.isSubset(of: known) {
      let name = kind.lowercased()
      let call = metrics.startCall(["cache_manager", "workload", "process_tainted_\(name)_svids"])
      let count = taint(tainted)
      metrics.addSample(["cache_manager", "tainted_\(name)_svids", "workload"], Double(count))
      call.done()
      logger.info("New tainted \(kind) authorities found", metadata: ["count": "\(count)"])
    }
    return tainted
  }
}
