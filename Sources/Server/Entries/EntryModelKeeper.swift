package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import Logging
import SPIFFE
import ServiceLifecycle
import Synchronization

/// Keeps the server's ``EntryModel`` in step with the datastore.
///
/// Readers take ``current()``: it holds everything that this process had committed when they asked, so an agent's first
/// sync sees an entry that was created a moment before. What other servers commit is read from the event tables once per
/// interval. API methods read it from any task; ``run()`` is its life as a service. A mutex guards the state; whoever
/// finds work to do does it while the others wait.
package final class EntryModelKeeper: Service {
  /// Entries read at a time when everything is read.
  static let pageSize = 10_000

  private struct State {
    var model = EntryModel()
    /// What was taken from the feed or the event tables and is not in the model yet.
    var owed = DatastoreChanges()
    var isRefreshing = false
    var waiters: [CheckedContinuation<Void, Never>] = []
    var entryCursor: EventCursor
    var agentCursor: EventCursor
  }

  private let datastore: any Datastore
  private let subscription: ChangeSubscription
  private let interval: Duration
  private let time: any TimeSource
  private let metrics: Metrics
  private let logger: Logger
  private let state: Mutex<State>

  /// - Parameters:
  ///   - interval: how often the event tables are read (`cache_reload_interval`).
  ///   - eventTimeout: how long a skipped event ID is waited for (`event_timeout`).
  package init(
    datastore: any Datastore, interval: Duration = .seconds(5), eventTimeout: Duration = .seconds(900),
    time: any TimeSource, metrics: Metrics = .none, logger: Logger
  ) {
    self.datastore = datastore
    self.interval = interval
    self.time = time
    self.metrics = metrics
    self.logger = logger
    subscription = datastore.changes.subscribe()
    let patience = 1 + Int(max(0, eventTimeout.seconds - 1) / max(interval.seconds, 0.001))
    state = Mutex(
      State(entryCursor: EventCursor(patience: patience), agentCursor: EventCursor(patience: patience)))
  }

  /// Builds the model. The server does not serve before.
  package func build() async throws {
    logger.info("Building in-memory entry cache")
    try await metrics.call(["entry", "cache", "reload"]) {
      // The cursors first: an event between the two reads is seen twice rather than never.
      let entryEvents = try await datastore.listEntryEvents(after: 0).map(\.id)
      let agentEvents = try await datastore.listAgentEvents(after: 0).map(\.id)
      let model = try await load()
      state.withLock { state in
        state.entryCursor.observe(entryEvents)
        state.agentCursor.observe(agentEvents)
        state.model = model
      }
    }
    reportGauges()
    logger.info("Completed building in-memory entry cache")
  }

  /// The model with all that this process has committed so far. If the datastore cannot be read, the last known model:
  /// an outage of the database takes no identity away.
  package func current() async -> EntryModel {
    while true {
      enum Turn { case read(EntryModel), work(DatastoreChanges), wait }
      let turn = state.withLock { state -> Turn in
        if state.isRefreshing { return .wait }
        let changes = takeChanges(&state)
        guard !changes.isEmpty else { return .read(state.model) }
        state.isRefreshing = true
        return .work(changes)
      }
      switch turn {
      case .read(let model): return model
      case .work(let changes):
        let isApplied = await apply(changes)
        if !isApplied { return state.withLock(\.model) }
      case .wait: await waitForRefresh()
      }
    }
  }

  /// Reads what other servers committed, once per interval, until the server stops.
  package func run() async throws {
    let interval = interval
    try await repeating(every: { interval }, time: time) { await self.poll() }
    logger.debug("Stopping in-memory entry cache hydrator")
  }

  /// Reads the event tables once and brings the model up to date.
  package func poll() async {
    let counter = metrics.startCall(["entry", "cache", "reload"])
    do {
      let (entryCursor, agentCursor) = state.withLock { ($0.entryCursor, $0.agentCursor) }
      var changes = DatastoreChanges()
      changes.entryEvents = try await datastore.listEntryEvents(after: entryCursor.last)
      if !entryCursor.missing.isEmpty {
        changes.entryEvents += try await datastore.fetchEntryEvents(ids: entryCursor.missing)
      }
      changes.agentEvents = try await datastore.listAgentEvents(after: agentCursor.last)
      if !agentCursor.missing.isEmpty {
        changes.agentEvents += try await datastore.fetchAgentEvents(ids: agentCursor.missing)
      }
      state.withLock { state in
        // What the feed told us meanwhile is seen already.
        changes.entryEvents.removeAll { state.entryCursor.hasSeen($0.id) }
        changes.agentEvents.removeAll { state.agentCursor.hasSeen($0.id) }
        state.entryCursor.observe(changes.entryEvents.map(\.id))
        state.agentCursor.observe(changes.agentEvents.map(\.id))
        state.entryCursor.polled()
        state.agentCursor.polled()
        state.owed.merge(changes, limit: ChangeSubscription.limit)
      }
      _ = await current()
      counter.done()
    } catch {
      counter.done(error: error)
      logger.error("Failed to reload entry cache", metadata: ["error": "\(error)"])
    }
    reportGauges()
  }

  // MARK: Refreshing

  private func takeChanges(_ state: inout State) -> DatastoreChanges {
    var changes = state.owed
    state.owed = DatastoreChanges()
    if let fresh = subscription.pending() {
      state.entryCursor.observe(fresh.entryEvents.map(\.id))
      state.agentCursor.observe(fresh.agentEvents.map(\.id))
      changes.merge(fresh, limit: ChangeSubscription.limit)
    }
    // Only entries and agents are of interest here.
    changes.bundles = []
    changes.federationRelationships = false
    return changes
  }

  /// Reads what changed and swaps the model. On failure the changes stay owed.
  private func apply(_ changes: DatastoreChanges) async -> Bool {
    do {
      if changes.everything {
        let model = try await load()
        finish { $0.model = model }
      } else {
        let ids = Set(changes.entryEvents.map(\.entryID))
        let agents = Set(changes.agentEvents.map(\.agentID))
        let entries = ids.isEmpty ? [] : try await datastore.fetchEntries(ids: Array(ids))
        var selectors: [(SPIFFEID, [Selector])] = []
        for agent in agents { selectors.append((agent, try await datastore.nodeSelectors(of: agent))) }
        let removed = ids.subtracting(entries.map(\.id))
        finish { state in
          state.model.apply(entries: entries, removed: Array(removed))
          for (agent, list) in selectors { state.model.setSelectors(list, ofAgent: agent) }
        }
      }
      return true
    } catch {
      logger.error("Failed to update entry cache", metadata: ["error": "\(error)"])
      finish { $0.owed.merge(changes, limit: ChangeSubscription.limit) }
      return false
    }
  }

  private func load() async throws -> EntryModel {
    var model = EntryModel()
    var token = ""
    repeat {
      let filter = EntryFilter(consistency: .tolerateStale)
      let page = try await datastore.listEntries(filter, page: Page(size: Self.pageSize, token: token))
      model.apply(entries: page.items)
      token = page.items.count < Self.pageSize ? "" : page.nextToken
    } while !token.isEmpty
    let now = Int64(time.now.timeIntervalSince1970)
    for (agent, selectors) in try await datastore.listNodeSelectors(validAt: now, consistency: .tolerateStale) {
      model.setSelectors(selectors, ofAgent: agent)
    }
    return model
  }

  private func finish(_ change: (inout State) -> Void) {
    let waiters = state.withLock { state in
      change(&state)
      state.isRefreshing = false
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  private func waitForRefresh() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        guard state.isRefreshing else { return true }
        state.waiters.append(continuation)
        return false
      }
      if isOver { continuation.resume() }
    }
  }

  private func reportGauges() {
    let model = state.withLock(\.model)
    metrics.setGauge(["entry", "entries_by_entryid_cache", "count"], to: Double(model.entryCount))
    metrics.setGauge(["entry", "nodealiases_by_entryid_cache", "count"], to: Double(model.aliasCount))
    metrics.setGauge(["node", "agents_by_id_cache", "count"], to: Double(model.agentCount))
  }
}
