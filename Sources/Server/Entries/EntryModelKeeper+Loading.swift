import Daemon
import DatastoreAPI
import FoundationEssentials
import Logging
import SPIFFE
import Synchronization

/// How the models are filled. Everything is read page by page beside the models that are in use, and takes their place at
/// the end: nobody waits for it, neither who asks nor who commits.
extension EntryModelKeeper {
  /// Rows read at a time when everything is read.
  private static let pageSize = 1000
  /// By how much the clocks of servers may differ that write events.
  private static let clockTolerance = 300.0

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

  /// Reads everything again in the background of what is served.
  func reload(_ reason: ReloadReason?) async throws {
    let reason = reason ?? .interval
    logger.log(
      level: reason == .interval ? .debug : .info, "Reading all entries and agents again",
      metadata: ["reason": "\(reason.rawValue)"])
    try await load()
  }

  private func load() async throws {
    let isFirst = state.withLock { state in
      state.needsReload = nil
      return !state.entryCursor.isLoaded
    }
    do {
      _ = beginReading()
      let began = time.steady
      // The events first: one between the two reads is seen twice rather than never.
      let since = time.now.addingTimeInterval(-eventTimeout.seconds - Self.clockTolerance)
      let entryRuns = try await datastore.eventRuns(.entries, since: since)
      let agentRuns = try await datastore.eventRuns(.agents, since: since)
      let entries = try await loadEntries()
      let agents = try await loadAgents()
      let (changed, old) = replace(entries, agents, entryRuns, agentRuns, began)
      try await readAgain(changed)
      if !isFirst { publishDifferences(from: old) }
    } catch {
      state.withLock { $0.needsReload = $0.needsReload ?? .uncertain }
      throw error
    }
  }

  /// Puts new models in the place of the old ones, which are let go outside of the lock.
  private func replace(
    _ entries: EntryModel, _ agents: [AttestedNode], _ entryRuns: EventRuns, _ agentRuns: EventRuns, _ began: Duration
  ) -> (changed: (entries: Set<String>, agents: Set<SPIFFEID>), old: (EntryModel, AgentModel)) {
    let now = Int64(time.now.timeIntervalSince1970)
    var (model, agentModel) = (entries, AgentModel())
    for agent in agents {
      let isKnown = agentModel.set(agent, id: agent.id, now: now)
      model.setSelectors(isKnown ? agent.selectors : [], ofAgent: agent.id)
    }
    return state.withLock { state in
      let old = (state.entries, state.agents)
      (state.entries, state.agents) = (model, agentModel)
      for (id, entry) in state.entriesMeanwhile { state.entries.set(entry, id: id) }
      for (id, agent) in state.agentsMeanwhile { state.set(agent, id: id, now: now) }
      state.entryCursor = EventCursor(runs: entryRuns, after: state.entryCursor)
      state.agentCursor = EventCursor(runs: agentRuns, after: state.agentCursor)
      state.entryCursor.observe(state.eventsMeanwhile[.entries] ?? [])
      state.agentCursor.observe(state.eventsMeanwhile[.agents] ?? [])
      (state.loadedAt, state.lookedAt) = (began, began)
      return ((Set(state.entriesMeanwhile.keys), Set(state.agentsMeanwhile.keys)), old)
    }
  }

  private func loadEntries() async throws -> EntryModel {
    var builder = EntryModelBuilder()
    var token = ""
    repeat {
      let page = try await datastore.listEntries(.all, page: Page(size: Self.pageSize, token: token))
      builder.add(page.items)
      token = page.nextToken
    } while !token.isEmpty
    return builder.build()
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

  /// Tells the subscribers what a reading of everything found that no event had told.
  private func publishDifferences(from old: (entries: EntryModel, agents: AgentModel)) {
    let (entries, agents) = state.withLock { ($0.entries, $0.agents) }
    var changes = DatastoreChanges()
    changes.entryEvents = old.entries.differences(to: entries).map { EntryEvent(id: 0, entryID: $0) }
    var agentIDs = old.agents.differences(to: agents)
    agentIDs.formUnion(old.entries.selectorDifferences(to: entries))
    changes.agentEvents = agentIDs.map { AgentEvent(id: 0, agentID: $0) }
    datastore.changes.publish(changes)
  }
}
