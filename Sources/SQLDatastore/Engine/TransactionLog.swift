import DatastoreAPI
import SPIFFE

/// What an open transaction has changed so far. Owned by its ``SQLTransaction``; items of a batch that fail take back
/// what they noted.
struct TransactionLog {
  /// What a change left of an entry.
  enum EntryImage {
    case stored(RegistrationEntry)
    case gone
    /// To be read before the commit.
    case unread
  }

  /// A point to go back to.
  struct Mark {
    fileprivate let entries: Int
    fileprivate let agents: Int
    fileprivate let bundles: Int
    fileprivate let federationRelationships: Bool
  }

  var entries: [(event: EntryEvent, image: EntryImage)] = []
  var agents: [AgentEvent] = []
  var bundles: [TrustDomain] = []
  var federationRelationships = false

  var mark: Mark {
    Mark(
      entries: entries.count, agents: agents.count, bundles: bundles.count,
      federationRelationships: federationRelationships)
  }

  mutating func undo(to mark: Mark) {
    entries.removeLast(entries.count - mark.entries)
    agents.removeLast(agents.count - mark.agents)
    bundles.removeLast(bundles.count - mark.bundles)
    federationRelationships = mark.federationRelationships
  }
}

extension SQLTransaction {
  /// What the transaction leaves, read where no operation has said it. The last statement before the commit.
  func commit() throws(DatastoreError) -> DatastoreCommit {
    var commit = DatastoreCommit()
    commit.bundles = log.bundles
    commit.federationRelationships = log.federationRelationships
    let unread = try readEntries()
    commit.entries.reserveCapacity(log.entries.count)
    for (event, image) in log.entries {
      let entry: RegistrationEntry? =
        switch image {
        case .stored(let entry): entry
        case .gone: nil
        case .unread: unread[event.entryID]
        }
      commit.entries.append(.init(event: event, entry: entry))
    }
    var agents: [SPIFFEID: AttestedNode?] = [:]
    for event in log.agents {
      let agent: AttestedNode?
      if let known = agents[event.agentID] { agent = known } else { agent = try agentWithSelectors(event.agentID) }
      agents[event.agentID] = .some(agent)
      commit.agents.append(.init(event: event, agent: agent))
    }
    if !commit.entries.isEmpty || !commit.agents.isEmpty || !commit.bundles.isEmpty { announces = true }
    return commit
  }

  private func agentWithSelectors(_ id: SPIFFEID) throws(DatastoreError) -> AttestedNode? {
    guard var agent = try selectAgent(id)?.agent else { return nil }
    var condition = SQLCondition()
    condition.and("s.spiffe_id = ?", [.text(id.description)])
    agent.selectors = try selectNodeSelectors(condition)[id.description] ?? []
    return agent
  }

  private func readEntries() throws(DatastoreError) -> [String: RegistrationEntry] {
    var ids: [SQLValue] = []
    for (event, image) in log.entries { if case .unread = image { ids.append(.text(event.entryID)) } }
    var entries: [String: RegistrationEntry] = [:]
    for list in ids.isEmpty ? [] : SQLText.lists(ids) {
      var condition = SQLCondition()
      condition.and("e.entry_id IN \(SQLText.list(list.count))", list)
      for row in try selectEntries(condition).rows { entries[row.entry.id] = row.entry }
    }
    return entries
  }
}
