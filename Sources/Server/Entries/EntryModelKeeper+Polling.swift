import Daemon
import DatastoreAPI
import FoundationEssentials
import Logging
import SPIFFE
import Synchronization

/// How the models are filled, and how other servers' commits come in.
///
/// A read takes time, and this process goes on committing meanwhile. What it commits is newer than what was read, or the
/// read has it too: so it is kept, and asked for again if the read was about it.
extension EntryModelKeeper {
  /// Rows read at a time when everything is read.
  static let pageSize = 1000

  /// Fills the models. The server does not serve before.
  package func build() async throws {
    logger.info("Building in-memory entry cache")
    let result: Result<Void, any Error> = await turn.take {
      do {
        try await self.metrics.call(["entry", "cache", "reload"]) { try await self.load() }
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
    reportGauges()
    logger.info("Completed building in-memory entry cache")
  }

  /// Reads the event tables once and brings the models up to date.
  package func poll() async {
    await turn.take {
      let counter = self.metrics.startCall(["entry", "cache", "reload"])
      do {
        if self.state.withLock(\.needsReload) { try await self.load() } else { try await self.follow() }
        counter.done()
      } catch {
        counter.done(error: error)
        self.logger.error("Failed to reload entry cache", metadata: ["error": "\(error)"])
      }
    }
    reportGauges()
  }

  // MARK: Events of other servers

  private func follow() async throws {
    let (entryCursor, agentCursor) = beginReading()
    var entryEvents = try await datastore.listEntryEvents(after: entryCursor.last)
    if !entryCursor.missing.isEmpty {
      entryEvents += try await datastore.fetchEntryEvents(ids: entryCursor.missing)
    }
    var agentEvents = try await datastore.listAgentEvents(after: agentCursor.last)
    if !agentCursor.missing.isEmpty {
      agentEvents += try await datastore.fetchAgentEvents(ids: agentCursor.missing)
    }
    // What a commit of this process told meanwhile needs no reading.
    let (ids, agentIDs) = state.withLock { state in
      (
        Set(entryEvents.filter { !state.entryCursor.hasSeen($0.id) }.map(\.entryID)),
        Set(agentEvents.filter { !state.agentCursor.hasSeen($0.id) }.map(\.agentID))
      )
    }
    let rest = try await read(ids, agentIDs) { state in
      state.entryCursor.observe(entryEvents.lazy.map(\.id))
      state.agentCursor.observe(agentEvents.lazy.map(\.id))
      state.entryCursor.polled()
      state.agentCursor.polled()
    }
    try await readAgain(rest)
  }

  /// What this process changed while it was read is read until nothing of it changes meanwhile: another server may have
  /// changed it too. Rare, and over when this process stops writing to it for a moment.
  private func readAgain(_ changed: (entries: Set<String>, agents: Set<SPIFFEID>)) async throws {
    var rest = changed
    while !rest.entries.isEmpty || !rest.agents.isEmpty { rest = try await read(rest.entries, rest.agents) { _ in } }
  }

  /// Reads these entries and agents, puts them into the models, and returns those that this process changed meanwhile.
  private func read(
    _ ids: Set<String>, _ agentIDs: Set<SPIFFEID>, _ finish: (inout State) -> Void
  ) async throws -> (entries: Set<String>, agents: Set<SPIFFEID>) {
    _ = beginReading()
    var entries: [String: RegistrationEntry] = [:]
    if !ids.isEmpty {
      for entry in try await datastore.fetchEntries(ids: Array(ids)) { entries[entry.id] = entry }
    }
    var agents: [SPIFFEID: AttestedNode] = [:]
    for id in agentIDs {
      guard var agent = try await datastore.fetchAgent(id: id) else { continue }
      agent.selectors = try await datastore.nodeSelectors(of: id)
      agents[id] = agent
    }
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

  /// From here on, what this process commits is noted.
  private func beginReading() -> (entries: EventCursor, agents: EventCursor) {
    state.withLock { state in
      state.entriesMeanwhile = [:]
      state.agentsMeanwhile = [:]
      return (state.entryCursor, state.agentCursor)
    }
  }

  // MARK: Everything

  private func load() async throws {
    state.withLock { $0.needsReload = false }
    do {
      let (entryCursor, agentCursor) = beginReading()
      // The events first: one between the two reads is seen twice rather than never.
      let entryEvents = try await datastore.listEntryEvents(after: entryCursor.last).map(\.id)
      let agentEvents = try await datastore.listAgentEvents(after: agentCursor.last).map(\.id)
      var model = try await loadEntries()
      let agents = try await loadAgents()
      let now = Int64(time.now.timeIntervalSince1970)
      let changed = state.withLock { state in
        state.entryCursor.observe(entryEvents)
        state.agentCursor.observe(agentEvents)
        state.entryCursor.complete()
        state.agentCursor.complete()
        for (id, entry) in state.entriesMeanwhile { model.set(entry, id: id) }
        state.entries = model
        state.agents = AgentModel()
        for agent in agents { state.set(agent, id: agent.id, now: now) }
        for (id, agent) in state.agentsMeanwhile { state.set(agent, id: id, now: now) }
        return (Set(state.entriesMeanwhile.keys), Set(state.agentsMeanwhile.keys))
      }
      try await readAgain(changed)
    } catch {
      state.withLock { $0.needsReload = true }
      throw error
    }
  }

  private func loadEntries() async throws -> EntryModel {
    var model = EntryModel()
    var token = ""
    repeat {
      let page = try await datastore.listEntries(.all, page: Page(size: Self.pageSize, token: token))
      model.apply(entries: page.items)
      token = page.nextToken
    } while !token.isEmpty
    return model
  }

  /// The agents whose SVID is valid, with their selectors.
  private func loadAgents() async throws -> [AttestedNode] {
    let filter = AgentFilter(validAt: Int64(time.now.timeIntervalSince1970))
    var agents: [AttestedNode] = []
    var token = ""
    repeat {
      let page = try await datastore.listAgents(
        filter, page: Page(size: Self.pageSize, token: token), withSelectors: true)
      agents += page.items
      token = page.nextToken
    } while !token.isEmpty
    return agents
  }

  private func reportGauges() {
    let figures: [([String], Int)] = state.withLock { state in
      [
        (["entry", "entries_by_entryid_cache"], state.entries.entryCount),
        (["entry", "nodealiases_by_entryid_cache"], state.entries.aliasCount),
        (["entry", "nodealiases_by_selector_cache"], state.entries.aliasSelectorCount),
        (["entry", "skipped_entry_event_ids"], state.entryCursor.missingCount),
        (["node", "agents_by_id_cache"], state.agents.count),
        (["node", "agents_by_expiresat_cache"], state.agents.count),
        (["node", "skipped_node_event_ids"], state.agentCursor.missingCount),
      ]
    }
    for (key, value) in figures { metrics.setGauge(key + ["count"], to: Double(value)) }
  }
}
