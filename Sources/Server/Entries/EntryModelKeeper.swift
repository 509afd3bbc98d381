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
/// the rows that it left. What other servers commit is read from the event tables (`EntryModelKeeper+Polling.swift`), and
/// told to the subscribers of ``Datastore/changes`` when the models have it. API methods read from any task; ``run()`` is
/// its life as a service. A mutex guards the state and is never held while the datastore is asked.
package final class EntryModelKeeper: Service, CommitObserver {
  struct State {
    var entries = EntryModel() { didSet { watches.follow(&entries) } }
    var agents = AgentModel() { didSet { watches.follow(&agents) } }
    var watches: WatchIndex
    var entryCursor: EventCursor
    var agentCursor: EventCursor
    var bundles = BundleMarks()
    /// Why everything has to be read again; `nil` if it has not.
    var needsReload: ReloadReason?
    /// When everything was read last.
    var loadedAt = Duration.zero
    /// When the event tables were read last.
    var lookedAt = Duration.zero
    /// What this process committed while the datastore was being read: what was read of it may be older.
    var entriesMeanwhile: [String: RegistrationEntry?] = [:]
    var agentsMeanwhile: [SPIFFEID: AttestedNode?] = [:]
    var eventsMeanwhile: [EventTable: [EventRow]] = [:]
    /// To be read at the next round, whatever the event tables say.
    var entriesInDoubt: Set<String> = []
    var agentsInDoubt: Set<SPIFFEID> = []
    /// Rounds that failed since the last one that did not.
    var failures = 0
    /// Until when slow transactions of others are not reported again.
    var quietUntil = Duration.zero
  }

  let datastore: any Datastore
  let interval: Duration
  let reloadInterval: Duration
  let eventTimeout: Duration
  let eventLifetime: Duration
  let time: any TimeSource
  let metrics: Metrics
  let logger: Logger
  let state: Mutex<State>
  /// Lets one task at a time read the datastore.
  let turn = PollTurn()
  /// The bundles for watch streams.
  let watchBundles: WatchBundles

  /// - Parameters:
  ///   - interval: how often the event tables are looked at (`cache_reload_interval`).
  ///   - reloadInterval: how often everything is read again (`full_cache_reload_interval`).
  ///   - eventTimeout: how long a skipped event ID is waited for (`event_timeout`).
  ///   - eventLifetime: how long events are kept (`prune_events_older_than`).
  ///   - gapLimit: the most ranges of skipped IDs that are remembered.
  package init(
    datastore: any Datastore, interval: Duration = .seconds(1), reloadInterval: Duration = .seconds(86400),
    eventTimeout: Duration = .seconds(900), eventLifetime: Duration = .seconds(12 * 3600),
    gapLimit: Int = EventCursor.maximumGaps, time: any TimeSource, metrics: Metrics = .none, logger: Logger
  ) {
    self.datastore = datastore
    self.interval = interval
    self.reloadInterval = reloadInterval
    self.eventTimeout = eventTimeout
    self.eventLifetime = eventLifetime
    self.time = time
    self.metrics = metrics
    self.logger = logger
    let cursor = EventCursor(timeout: eventTimeout, gapLimit: gapLimit)
    watchBundles = WatchBundles(datastore: datastore, time: time)
    state = Mutex(State(watches: WatchIndex(time: time), entryCursor: cursor, agentCursor: cursor))
    datastore.changes.observe(self)
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

  /// The agents that may call: those whose SVID is valid and that are not banned.
  package func agentsInForce() -> [SPIFFEID] {
    let now = Int64(time.now.timeIntervalSince1970)
    return state.withLock { $0.agents.inForce(at: now) }
  }

  // MARK: Commits of this process

  package func committed(_ commit: DatastoreCommit) {
    bundlesChanged(Set(commit.bundles))
    guard !commit.entries.isEmpty || !commit.agents.isEmpty else { return }
    let now = Int64(time.now.timeIntervalSince1970)
    let entryRows = commit.entries.map { EventRow(id: $0.event.id, key: $0.event.entryID) }
    let agentRows = commit.agents.map { EventRow(id: $0.event.id, key: $0.event.agentID.description) }
    state.withLock { state in
      let isReading = turn.isTaken
      for change in commit.entries {
        // Seen by a poll, what is here was read after this commit and may be newer.
        guard !state.entryCursor.hasSeen(change.event.id) else { continue }
        let id = change.event.entryID
        if state.entryCursor.isDoubtful(change.event.id) { state.entriesInDoubt.insert(id) }
        state.entries.set(change.entry, id: id)
        if isReading { state.entriesMeanwhile[id] = .some(change.entry) }
      }
      for change in commit.agents {
        guard !state.agentCursor.hasSeen(change.event.id) else { continue }
        let id = change.event.agentID
        if state.agentCursor.isDoubtful(change.event.id) { state.agentsInDoubt.insert(id) }
        state.set(change.agent, id: id, now: now)
        if isReading { state.agentsMeanwhile[id] = .some(change.agent) }
      }
      state.entryCursor.observe(entryRows)
      state.agentCursor.observe(agentRows)
      if isReading {
        state.eventsMeanwhile[.entries, default: []] += entryRows
        state.eventsMeanwhile[.agents, default: []] += agentRows
      }
    }
  }

  package func commitIsUncertain() {
    bundlesChanged(nil)
    state.withLock { $0.needsReload = .uncertain }
  }
}

extension EntryModelKeeper.State {
  mutating func set(_ agent: AttestedNode?, id: SPIFFEID, now: Int64) {
    let isKnown = agents.set(agent, id: id, now: now)
    entries.setSelectors(isKnown ? agent?.selectors ?? [] : [], ofAgent: id)
  }
}
