package import Daemon
package import FoundationEssentials
package import Logging
import SPIFFE
import Synchronization

/// Owns the ``StoredEntries``: the cache of entries with `store_svid`, which no workload is ever served from.
///
/// ``Synchronizer`` brings entries, bundles and taints, a ``WorkloadSigner`` of its own SVIDs; ``SVIDStoreService`` has the
/// stores do what is to be done. A lock isolates it; nothing waits while it is held.
package final class SVIDStoreCache: SigningCache {
  package let signingType = "svid_store"
  /// Rung when something is to be signed.
  package let signingNeeded = Wakeup()
  private let bells: [String: Wakeup]
  private let state: Mutex<StoredEntries>
  private let time: any TimeSource
  private let metrics: Metrics
  private let logger: Logger

  /// - Parameter plugins: the names of the configured stores.
  package init(plugins: [String], time: any TimeSource, metrics: Metrics, logger: Logger) {
    state = Mutex(StoredEntries(plugins: Set(plugins)))
    bells = Dictionary(plugins.map { ($0, Wakeup()) }) { first, _ in first }
    self.time = time
    self.metrics = metrics
    self.logger = logger
  }

  /// Rung when the store `plugin` has something to do.
  func bell(of plugin: String) -> Wakeup { bells[plugin] ?? Wakeup() }

  package var svidCount: Int { state.withLock(\.svidCount) }
  package var taintedCount: Int { state.withLock(\.taintedCount) }

  /// Takes over entries with `store_svid` and all bundles.
  package func update(entries: [AgentEntry], bundles: BundleSet) {
    let (update, problems) = state.withLock { state in
      let update = state.update(entries: entries, bundles: bundles)
      return (update, update.isNew ? state.newProblems() : [])
    }
    // Most changes are about workloads alone.
    guard update.isNew else { return }
    for event in update.events { event.log(to: logger) }
    for problem in problems {
      logger.error(
        "\(problem.message)",
        metadata: [
          "entry": "\(problem.entry.id)", "spiffe_id": "\(problem.entry.spiffeID)",
          "svid_store": "\(problem.entry.selectors.first?.type ?? "")",
        ])
    }
    ring()
  }

  /// Has the SVIDs replaced that tainted authorities signed.
  package func taint(keyIDs: Set<[UInt8]>) -> Int {
    let call = metrics.startCall(["cache_manager", "svid_store", "process_tainted_x509_svids"])
    let count = state.withLock { $0.taint(keyIDs: keyIDs) }
    metrics.addSample(["cache_manager", "tainted_x509_svids", "svid_store"], Double(count))
    call.done()
    if count > 0 { ring() }
    return count
  }

  private func ring() {
    signingNeeded.ring()
    for bell in bells.values { bell.ring() }
  }

  // MARK: Signing

  package func staleEntries() -> [WorkloadCache.StaleEntry] { state.withLock { $0.staleEntries(now: time.now) } }

  package var nextRotation: Date? { state.withLock(\.nextRotation) }

  package func isTainted(_ svid: WorkloadSVID) -> Bool { state.withLock { $0.isTainted(svid) } }

  package func setSVIDs(_ svids: [(entryID: String, svid: WorkloadSVID)]) {
    for entry in state.withLock({ $0.setSVIDs(svids) }) { CacheEvent.svidUpdated(entry).log(to: logger) }
    for bell in bells.values { bell.ring() }
  }

  // MARK: Storing

  func jobs(for plugin: String) -> [StoreJob] {
    state.withLock { $0.jobs(for: plugin, now: time.now, steady: time.steady) }
  }

  func began(_ job: StoreJob) { state.withLock { $0.began(job) } }

  func ended(_ job: StoreJob, _ outcome: StoreJob.Outcome, isRefusal: Bool = false) {
    state.withLock { $0.ended(job, outcome, isRefusal: isRefusal, steady: time.steady) }
  }
}
