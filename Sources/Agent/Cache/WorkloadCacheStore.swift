package import Daemon
package import FoundationEssentials
package import Logging
package import SPIFFE
import Synchronization

/// Owns the ``WorkloadCache`` and knows its subscribers.
///
/// The Workload API subscribes, the sync loop brings entries and bundles, the signing loop SVIDs. A lock isolates it;
/// nothing waits while it is held.
package final class WorkloadCacheStore: SigningCache {
  private struct State {
    var cache: WorkloadCache
    var receivers: [WorkloadCache.SubscriberID: any UpdateReceiver] = [:]
    var isClosed = false
    /// Rung when entries or bundles change.
    var bells: [UInt64: Wakeup] = [:]
    var lastBell: UInt64 = 0
    /// The server does not sign at the moment: whoever subscribes is given what there is.
    var isSigningFailing = false
  }
  package let signingType = "workload"
  private let state: Mutex<State>
  private let time: any TimeSource
  private let metrics: Metrics
  private let logger: Logger
  /// Rung when somebody needs an SVID that there is not.
  package let signingNeeded = Wakeup()

  package init(bundles: BundleSet, limit: Int, time: any TimeSource, metrics: Metrics, logger: Logger) {
    state = Mutex(State(cache: WorkloadCache(bundles: bundles, limit: limit)))
    self.time = time
    self.metrics = metrics
    self.logger = logger
  }

  // MARK: Workloads

  /// Calls `body` with the updates of a workload that has these selectors; the subscription ends with `body`.
  package func withSubscription<T>(
    _ selectors: Set<Selector>, isolation: isolated (any Actor)? = #isolation,
    _ body: (WorkloadSubscription) async throws -> T
  ) async rethrows -> T {
    let subscription = WorkloadSubscription()
    let id = subscribe(selectors, subscription)
    defer { unsubscribe(id) }
    return try await body(subscription)
  }

  /// Sends `receiver` the updates of a workload that has these selectors, until ``unsubscribe(_:)``.
  package func subscribe(_ selectors: Set<Selector>, _ receiver: any UpdateReceiver) -> WorkloadCache.SubscriberID {
    let (id, waits) = begin(receiver, selectors)
    if waits {
      logger.debug("Waiting for SVID to get cached")
      signingNeeded.ring()
    }
    return id
  }

  package func unsubscribe(_ id: WorkloadCache.SubscriberID) {
    // The receiver is let go outside of the lock.
    _ = state.withLock { state in
      state.cache.unsubscribe(id)
      return state.receivers.removeValue(forKey: id)
    }
  }

  /// Calls `body` with a bell that rings when entries or bundles change, and when the cache closes.
  package func withBell<T>(
    isolation: isolated (any Actor)? = #isolation, _ body: (Wakeup) async throws -> T
  ) async rethrows -> T {
    let bell = Wakeup()
    let number = state.withLock { state in
      state.lastBell += 1
      state.bells[state.lastBell] = bell
      return state.lastBell
    }
    defer { state.withLock { _ = $0.bells.removeValue(forKey: number) } }
    return try await body(bell)
  }

  package var isClosed: Bool { state.withLock(\.isClosed) }

  private func begin(
    _ receiver: any UpdateReceiver, _ selectors: Set<Selector>
  ) -> (WorkloadCache.SubscriberID, waits: Bool) {
    state.withLock { state in
      let (id, first) = state.cache.subscribe(selectors, now: time.now)
      state.receivers[id] = receiver
      if case .ready(let update) = first { receiver.receive(update) }
      if state.isClosed { receiver.finish() }
      if case .ready = first {
        return (id, false)
      }
      if state.isSigningFailing { Self.send(state.cache.releaseWaiting(now: time.now), state) }
      return (id, true)
    }
  }

  private static func send(_ deliveries: [WorkloadCache.Delivery], _ state: borrowing State) {
    for delivery in deliveries { state.receivers[delivery.subscriber]?.receive(delivery.update) }
  }

  /// What a workload with these selectors would be served with now.
  package func snapshot(_ selectors: Set<Selector>) -> WorkloadUpdate {
    state.withLock { $0.cache.snapshot(selectors, now: time.now) }
  }

  package func matchingEntries(_ selectors: Set<Selector>) -> [AgentEntry] {
    state.withLock { $0.cache.matchingEntries(selectors) }
  }

  package func nearestEntry(_ selectors: Set<Selector>) -> (entry: AgentEntry, missing: [Selector])? {
    state.withLock { $0.cache.nearestEntry(selectors) }
  }

  func states(matching selectors: Set<Selector>) -> [WorkloadCache.EntryState] {
    state.withLock { $0.cache.states(matching: selectors) }
  }

  var entryIDs: Set<SPIFFEID> { state.withLock { $0.cache.entryIDs } }

  func states(limit: Int) -> [WorkloadCache.EntryState] { state.withLock { $0.cache.states(limit: limit) } }

  func nearest(
    to selectors: Set<Selector>, types: Set<String>, limit: Int
  ) -> [(state: WorkloadCache.EntryState, missing: [Selector])] {
    state.withLock { $0.cache.nearest(to: selectors, types: types, limit: limit) }
  }

  package var bundles: BundleSet { state.withLock { $0.cache.bundles } }
  package var svidCount: Int { state.withLock { $0.cache.svidCount } }
  /// Entries with `store_svid`.
  package var storeEntries: [AgentEntry] { state.withLock { $0.cache.storeEntries } }
  package var entryCount: Int { state.withLock { $0.cache.entryCount } }

  /// Ends every subscription; the agent shuts down.
  package func close() {
    let (receivers, bells) = state.withLock { state in
      state.isClosed = true
      return (Array(state.receivers.values), Array(state.bells.values))
    }
    for receiver in receivers { receiver.finish() }
    for bell in bells { bell.ring() }
  }

  // MARK: The manager

  /// Takes over a sync; true if it brought anything new.
  package func update(
    entries: some Collection<AgentEntry>, bundle: Bundle, federated: [Bundle]
  ) -> Bool {
    apply { $0.update(entries: entries, bundle: bundle, federated: federated, now: time.now) }.changed
  }

  /// Takes over what the server told on a watch stream: whether it was anything new, and whether a workload waits for an
  /// SVID because of it.
  package func change(
    entries: [AgentEntry], removed: [String], bundle: Bundle, federated: [Bundle]
  ) -> (changed: Bool, urgent: Bool) {
    apply { $0.change(entries: entries, removed: removed, bundle: bundle, federated: federated, now: time.now) }
  }

  /// Takes over all entries; the bundles stay. As ``change(entries:removed:bundle:federated:)`` answers.
  package func replace(entries: some Collection<AgentEntry>) -> (changed: Bool, urgent: Bool) {
    apply { cache in
      let bundles = cache.bundles
      return cache.update(
        entries: entries, bundle: bundles.own.bundle, federated: bundles.federated.values.map(\.bundle), now: time.now)
    }
  }

  package func staleEntries() -> [WorkloadCache.StaleEntry] {
    state.withLock { $0.cache.staleEntries(now: time.now) }
  }

  package var lastExpiry: Date? { state.withLock { $0.cache.lastExpiry } }

  package var nextRotation: Date? { state.withLock { $0.cache.nextRotation } }

  package func setSVIDs(_ svids: [(entryID: String, svid: WorkloadSVID)]) {
    _ = apply { $0.setSVIDs(svids, now: time.now) }
  }

  /// The SVIDs that tainted authorities signed.
  package var taintedCount: Int { state.withLock { $0.cache.taintedCount } }

  /// Whether a tainted authority signed it.
  package func isTainted(_ svid: WorkloadSVID) -> Bool { state.withLock { $0.cache.isTainted(svid) } }

  package func taint(keyIDs: Set<[UInt8]>) -> Int { state.withLock { $0.cache.taint(keyIDs: keyIDs) } }

  /// Signing went through.
  ///
  /// - Parameter isComplete: false when the server refused entries: whoever waits for them is given what there is.
  package func signingWorks(isComplete: Bool) {
    state.withLock { state in
      state.isSigningFailing = false
      // Also when nothing was signed: SVIDs become valid again when a clock that ran ahead is set right.
      Self.send(state.cache.releaseWaiting(now: time.now, partially: !isComplete), state)
    }
  }

  /// The server does not sign: waiting subscribers are given what there is.
  package func signingFails() {
    state.withLock { state in
      state.isSigningFailing = true
      Self.send(state.cache.releaseWaiting(now: time.now), state)
    }
  }

  private func apply(
    _ change: (inout WorkloadCache) -> WorkloadCache.Changes
  ) -> (changed: Bool, urgent: Bool) {
    let (changes, records, svids, bells) = state.withLock { state in
      let changes = change(&state.cache)
      // Inside the lock, so that no older update overtakes a newer one on its way to a mailbox.
      Self.send(changes.deliveries, state)
      let concernsBells = !changes.bundles.isEmpty || changes.events.contains { !$0.isOfSVID }
      return (
        changes, state.cache.entryCount, state.cache.svidCount, concernsBells ? Array(state.bells.values) : []
      )
    }
    for bell in bells { bell.ring() }
    for event in changes.events { event.count(in: metrics) }
    let type = [MetricLabel("svid_type", "x509")]
    metrics.setGauge(["lru_cache_record_map_size"], to: Double(records), labels: type)
    metrics.setGauge(["lru_cache_svid_map_size"], to: Double(svids), labels: type)
    if logger.logLevel <= .debug { for event in changes.events { event.log(to: logger) } }
    return (!changes.events.isEmpty, changes.isUrgent)
  }
}
