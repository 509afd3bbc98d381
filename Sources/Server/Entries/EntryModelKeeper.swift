package import Daemon
package import DatastoreAPI
import FoundationEssentials
package import Logging
package import SPIFFE
import ServiceLifecycle
import Synchronization

/// Keeps the server's ``EntryModel`` and ``AgentModel`` in step with the datastore, so that no call has to ask it.
///
/// What this process commits is in the models before the write is acknowledged: the datastore tells each commit with
/// the rows that it left. What other servers commit is read from the event tables once per interval
/// (`EntryModelKeeper+Polling.swift`). API methods read from any task; ``run()`` is its life as a service. A mutex guards
/// the state and is never held while the datastore is asked.
package final class EntryModelKeeper: Service, CommitObserver {
  struct State {
    var entries = EntryModel() { didSet { watches.follow(&entries) } }
    var agents = AgentModel() { didSet { watches.follow(&agents) } }
    var watches: WatchIndex
    var entryCursor: EventCursor
    var agentCursor: EventCursor
    /// Whether everything has to be read again.
    var needsReload = false
    /// What this process committed while the datastore was being read: what was read of it may be older.
    var entriesMeanwhile: [String: RegistrationEntry?] = [:]
    var agentsMeanwhile: [SPIFFEID: AttestedNode?] = [:]
  }

  let datastore: any Datastore
  let interval: Duration
  let time: any TimeSource
  let metrics: Metrics
  let logger: Logger
  let state: Mutex<State>
  /// Lets one task at a time read the datastore.
  let turn = PollTurn()
  /// The bundles for watch streams.
  let watchBundles: WatchBundles

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
    let patience = 1 + Int(max(0, eventTimeout.seconds - 1) / max(interval.seconds, 0.001))
    watchBundles = WatchBundles(datastore: datastore, time: time)
    state = Mutex(
      State(
        watches: WatchIndex(time: time), entryCursor: EventCursor(patience: patience),
        agentCursor: EventCursor(patience: patience)))
    datastore.changes.observe(self)
  }

  /// Reads what other servers committed, once per interval, until the server stops.
  package func run() async throws {
    let interval = interval
    try await repeating(every: { interval }, time: time) { await self.poll() }
    logger.debug("Stopping in-memory entry cache hydrator")
  }

  // MARK: Reading

  /// The entries with all that this process has committed so far. If the datastore cannot be read, the last known ones:
  /// an outage of the database takes no identity away.
  package func current() -> EntryModel {
    state.withLock { state in
      var copy = state.entries
      // Only the keeper follows changes: a copy that held on to this would make the next change copy all of it.
      copy.tracking = nil
      return copy
    }
  }

  /// As ``current()``, for a short look: nobody else reads or changes the model meanwhile, and it is not copied.
  package func read<T>(_ body: (EntryModel) -> T) -> T { state.withLock { body($0.entries) } }

  /// What is known of the agent of this ID, without its selectors. Nil says that it is not known here, not that it does
  /// not exist.
  package func agent(_ id: SPIFFEID) -> AttestedNode? { state.withLock { $0.agents.node(id) } }

  // MARK: Commits of this process

  package func committed(_ commit: DatastoreCommit) {
    bundlesChanged(Set(commit.bundles))
    guard !commit.entries.isEmpty || !commit.agents.isEmpty else { return }
    let now = Int64(time.now.timeIntervalSince1970)
    state.withLock { state in
      for change in commit.entries {
        // Seen by a poll, what is here was read after this commit and may be newer.
        guard !state.entryCursor.hasSeen(change.event.id) else { continue }
        let id = change.event.entryID
        state.entries.set(change.entry, id: id)
        if turn.isTaken { state.entriesMeanwhile[id] = .some(change.entry) }
      }
      for change in commit.agents {
        guard !state.agentCursor.hasSeen(change.event.id) else { continue }
        state.set(change.agent, id: change.event.agentID, now: now)
        if turn.isTaken { state.agentsMeanwhile[change.event.agentID] = .some(change.agent) }
      }
      state.entryCursor.observe(commit.entries.lazy.map(\.event.id))
      state.agentCursor.observe(commit.agents.lazy.map(\.event.id))
    }
  }

  package func commitIsUncertain() {
    bundlesChanged(nil)
    state.withLock { $0.needsReload = true }
  }
}

extension EntryModelKeeper.State {
  mutating func set(_ agent: AttestedNode?, id: SPIFFEID, now: Int64) {
    let isKnown = agents.set(agent, id: id, now: now)
    entries.setSelectors(isKnown ? agent?.selectors ?? [] : [], ofAgent: id)
  }
}
