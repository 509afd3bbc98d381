import Daemon
import DatastoreAPI
import FoundationEssentials
import Logging
import SPIFFE
import Synchronization

/// How other servers' commits come in.
///
/// A read takes time, and this process goes on committing meanwhile. What it commits is newer than what was read, or the
/// read has it too: so it is kept, and asked for again if the read was about it.
extension EntryModelKeeper {
  /// Events read at a time.
  static let eventPage = 5000
  /// The most events of a round: with more, everything is read instead.
  static let eventLimit = 200_000
  /// The most entries or agents that one read transaction reads.
  private static let readLimit = 2000

  /// One round of both event tables.
  private struct Round {
    var entries = EventPlan.read(EventRead())
    var agents = EventPlan.read(EventRead())
    var asksForWriters = false
    var before: (entries: EventRow?, agents: EventRow?)
    var bundles: Set<TrustDomain> = []
    var reload: ReloadReason?
    let now: Duration
  }

  /// Looks at the event tables once and brings the models up to date. Nothing happened: one query.
  package func poll() async {
    await turn.take {
      let counter = self.metrics.startCall(["entry", "cache", "reload"])
      do {
        try await self.follow()
        counter.done()
        self.succeeded()
      } catch {
        counter.done(error: error)
        self.failed(error)
      }
    }
    reportGauges()
  }

  private func follow() async throws {
    let round = try await plan()
    report(round)
    if round.asksForWriters, let writers = try await datastore.eventWriters() {
      state.withLock { state in
        state.entryCursor.learn(writers: writers[.entries] ?? [])
        state.agentCursor.learn(writers: writers[.agents] ?? [])
      }
    }
    defer { publish(bundles: round.bundles) }
    guard round.reload == nil, case .read(let entries) = round.entries, case .read(let agents) = round.agents else {
      return try await reload(round.reload)
    }
    do {
      let entryRows = try await rows(.entries, entries, since: round.before.entries)
      let agentRows = try await rows(.agents, agents, since: round.before.agents)
      try await take(entryRows, agentRows, now: round.now)
    } catch let error as ReloadNeeded {
      try await reload(error.reason)
    }
  }

  private func plan() async throws -> Round {
    let now = time.steady
    var round = Round(before: beginReading(), now: now)
    let heads = try await datastore.eventHeads()
    state.withLock { state in
      round.bundles = state.bundles.changes(heads.bundles, now: now)
      round.entries = state.entryCursor.plan(newest: heads.newest[.entries], since: round.before.entries, now: now)
      round.agents = state.agentCursor.plan(newest: heads.newest[.agents], since: round.before.agents, now: now)
      round.asksForWriters = state.entryCursor.asksForWriters || state.agentCursor.asksForWriters
      if case .reload(let reason) = round.agents { round.reload = reason }
      if case .reload(let reason) = round.entries { round.reload = reason }
      let isTime = now - state.loadedAt >= reloadInterval
      if isTime || !state.entryCursor.isLoaded { round.reload = round.reload ?? .interval }
      if now - state.lookedAt >= eventLifetime / 2 { round.reload = .slept }
      if let reason = state.needsReload { round.reload = reason }
    }
    return round
  }

  // MARK: Events

  private struct ReloadNeeded: Error { let reason: ReloadReason }

  /// The events that a plan asks for.
  private func rows(
    _ table: EventTable, _ read: EventRead, since before: EventRow?
  ) async throws -> [EventRow] {
    var rows: [EventRow] = []
    if read.after != nil {
      // From the newest one known on: when it is not there any more, neither may be others that came after it.
      let start = before.map { $0.id - 1 } ?? 0
      while true {
        let page = try await datastore.listEvents(table, after: rows.last?.id ?? start, limit: Self.eventPage)
        rows += page
        if rows.count > Self.eventLimit { throw ReloadNeeded(reason: .behind) }
        if page.count < Self.eventPage { break }
      }
      if let before, rows.first != before {
        throw ReloadNeeded(reason: rows.first?.id == before.id ? .changed : .pruned)
      }
    }
    guard !read.gaps.isEmpty else { return rows }
    // A gap may lie behind the newest event of before, when a commit of this process came after it.
    let known = Set(rows.lazy.map(\.id))
    return rows + (try await datastore.fetchEvents(table, in: read.gaps)).filter { !known.contains($0.id) }
  }

  /// Reads what the events are about, and tells the subscribers.
  private func take(_ entryRows: [EventRow], _ agentRows: [EventRow], now: Duration) async throws {
    // What a commit of this process told meanwhile needs no reading.
    let (entryEvents, agentEvents, ids, agentIDs) = state.withLock { state in
      let entries = entryRows.filter { !state.entryCursor.hasSeen($0.id) }
        .map { EntryEvent(id: $0.id, entryID: $0.key) }
      let agents = agentRows.filter { !state.agentCursor.hasSeen($0.id) }.compactMap(agentEvent)
      defer { (state.entriesInDoubt, state.agentsInDoubt) = ([], []) }
      return (
        entries, agents, state.entriesInDoubt.union(entries.map(\.entryID)),
        state.agentsInDoubt.union(agents.map(\.agentID))
      )
    }
    do {
      let rest = try await read(ids, agentIDs) { state in
        state.entryCursor.observe(entryRows)
        state.agentCursor.observe(agentRows)
        state.entryCursor.complete(now: now)
        state.agentCursor.complete(now: now)
        state.lookedAt = now
      }
      try await readAgain(rest)
    } catch {
      // The events may have been taken before the reading failed.
      state.withLock { state in
        state.entriesInDoubt.formUnion(ids)
        state.agentsInDoubt.formUnion(agentIDs)
      }
      throw error
    }
    var changes = DatastoreChanges()
    changes.entryEvents = entryEvents
    changes.agentEvents = agentEvents
    datastore.changes.publish(changes)
  }

  private func agentEvent(_ row: EventRow) -> AgentEvent? {
    do throws(SPIFFEIDError) {
      return AgentEvent(id: row.id, agentID: try SPIFFEID(row.key))
    } catch {
      logger.error("Skipping agent event", metadata: ["spiffe_id": "\(row.key)", "error": "\(error)"])
      return nil
    }
  }

  func publish(bundles: Set<TrustDomain>) {
    bundlesChanged(bundles)
    var changes = DatastoreChanges()
    changes.bundles = bundles
    datastore.changes.publish(changes)
  }

  // MARK: Rows

  /// What this process changed while it was read is read until nothing of it changes meanwhile: another server may have
  /// changed it too. Rare, and over when this process stops writing to it for a moment.
  func readAgain(_ changed: (entries: Set<String>, agents: Set<SPIFFEID>)) async throws {
    var rest = changed
    while !rest.entries.isEmpty || !rest.agents.isEmpty { rest = try await read(rest.entries, rest.agents) { _ in } }
  }

  /// Reads these entries and agents, puts them into the models, and returns those that this process changed meanwhile.
  private func read(
    _ ids: Set<String>, _ agentIDs: Set<SPIFFEID>, _ finish: (inout State) -> Void
  ) async throws -> (entries: Set<String>, agents: Set<SPIFFEID>) {
    _ = beginReading()
    let entries = try await fetchEntries(Array(ids))
    let agents = try await fetchAgents(Array(agentIDs))
    let now = Int64(time.now.timeIntervalSince1970)
    return state.withLock { state in
      finish(&state)
      let newer = ids.filter { state.entriesMeanwhile[$0] != nil }
      let newerAgents = agentIDs.filter { state.agentsMeanwhile[$0] != nil }
      for id in ids.subtracting(newer) { state.entries.set(entries[id], id: id) }
      for id in agentIDs.subtracting(newerAgents) { state.set(agents[id], id: id, now: now) }
      for id in state.agents.removeExpired(now: now) { state.entries.setSelectors([], ofAgent: id) }
      return (newer, newerAgents)
    }
  }

  private func fetchEntries(_ ids: [String]) async throws -> [String: RegistrationEntry] {
    var entries: [String: RegistrationEntry] = [:]
    for start in stride(from: 0, to: ids.count, by: Self.readLimit) {
      let part = Array(ids[start..<min(start + Self.readLimit, ids.count)])
      for entry in try await datastore.fetchEntries(ids: part) { entries[entry.id] = entry }
    }
    return entries
  }

  private func fetchAgents(_ ids: [SPIFFEID]) async throws -> [SPIFFEID: AttestedNode] {
    var agents: [SPIFFEID: AttestedNode] = [:]
    for start in stride(from: 0, to: ids.count, by: Self.readLimit) {
      let part = Array(ids[start..<min(start + Self.readLimit, ids.count)])
      for agent in try await datastore.fetchAgents(ids: part) { agents[agent.id] = agent }
    }
    return agents
  }

  /// From here on, what this process commits is noted. Returns the newest events known.
  func beginReading() -> (entries: EventRow?, agents: EventRow?) {
    state.withLock { state in
      state.entriesMeanwhile = [:]
      state.agentsMeanwhile = [:]
      state.eventsMeanwhile = [:]
      return (state.entryCursor.newest, state.agentCursor.newest)
    }
  }

  /// A transaction that stays open for long keeps its events, and those that it locks, from everybody.
  private func report(_ round: Round) {
    var writers: Set<String> = []
    for plan in [round.entries, round.agents] { if case .read(let read) = plan { writers.formUnion(read.overdue) } }
    guard !writers.isEmpty else { return }
    let isTime = state.withLock { state in
      guard round.now >= state.quietUntil else { return false }
      state.quietUntil = round.now + eventTimeout
      return true
    }
    if isTime {
      logger.warning(
        "Transactions have been open for longer than event_timeout; what they change is not seen until they end",
        metadata: ["transactions": .array(writers.sorted().map { "\($0)" })])
    }
  }
}
