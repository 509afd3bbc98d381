import DatastoreAPI
import SPIFFE

/// The agents that are entitled to an entry, or to all entries of one parent. A value.
struct Reach: Sendable {
  /// Agents that are gathered at most.
  static let limit = 1000
  /// Aliases whose agents are looked for at most.
  private static let aliasLimit = 20

  struct Agent: Sendable {
    let node: AttestedNode
    /// The entries that lead from the agent down to the parent.
    let path: [RegistrationEntry]
  }

  private(set) var agents: [Agent] = []
  /// Whether there are more agents than were gathered.
  private(set) var isCut = false
  /// What lies above the parent; nil for a node alias, which has no parent but the server.
  let ancestry: Ancestry?
  private var known: Set<SPIFFEID> = []

  private init(ancestry: Ancestry?) { self.ancestry = ancestry }

  /// The agents that receive `entry`; for a node alias, those that may act as it.
  static func of(_ entry: RegistrationEntry, in lookup: EntryLookup) async throws(DatastoreError) -> Reach {
    if entry.isNodeAlias {
      var reach = Reach(ancestry: nil)
      try await reach.add(earning: entry, path: [], lookup)
      return reach
    }
    let ancestry = try await Ancestry.of(parent: entry.parentID, in: lookup)
    var reach = Reach(ancestry: ancestry)
    reach.isCut = ancestry.isCut
    for source in ancestry.agents { reach.add(source.agent, source.path) }
    for path in ancestry.aliases.prefix(aliasLimit) { try await reach.add(earning: path[0], path: path, lookup) }
    if ancestry.aliases.count > aliasLimit { reach.isCut = true }
    return reach
  }

  private mutating func add(_ node: AttestedNode, _ path: [RegistrationEntry]) {
    guard known.insert(node.id).inserted else { return }
    guard agents.count < Self.limit else {
      isCut = true
      return
    }
    agents.append(Agent(node: node, path: path))
  }

  /// Adds the agents whose selectors earn `alias`.
  private mutating func add(
    earning alias: RegistrationEntry, path: [RegistrationEntry], _ lookup: EntryLookup
  ) async throws(DatastoreError) {
    guard agents.count < Self.limit, !alias.selectors.isEmpty else {
      isCut = isCut || !alias.selectors.isEmpty
      return
    }
    let filter = AgentFilter(selectors: SelectorFilter(alias.selectors, match: .superset))
    let page = try await lookup.datastore.listAgents(filter, page: Page(size: Self.limit), withSelectors: false)
    for node in page.items { add(node, path) }
    if page.items.count >= Self.limit { isCut = true }
  }

  // MARK: Those that nearly are

  /// An agent that lacks some selectors of an alias.
  struct Near: Sendable {
    let node: AttestedNode
    let alias: RegistrationEntry
    let missing: [Selector]
    /// The agent's selectors of the kinds that are missing.
    let foundInstead: [Selector]
  }

  /// The agents that have some, but not all, selectors of an alias above `entry`; the nearest first.
  func near(
    _ entry: RegistrationEntry, in lookup: EntryLookup, limit: Int
  ) async throws(DatastoreError) -> [Near] {
    let aliases = ancestry?.aliases.map { $0[0] } ?? [entry]
    var best: [SPIFFEID: Near] = [:]
    for alias in aliases.prefix(Self.aliasLimit) where !alias.selectors.isEmpty {
      let filter = AgentFilter(selectors: SelectorFilter(alias.selectors, match: .any))
      let page = try await lookup.datastore.listAgents(filter, page: Page(size: 200), withSelectors: true)
      for node in page.items where !known.contains(node.id) {
        let missing = alias.selectors.filter { !node.selectors.contains($0) }
        if let other = best[node.id], other.missing.count <= missing.count { continue }
        best[node.id] = Near(
          node: node, alias: alias, missing: missing,
          foundInstead: node.selectors.filter { found in missing.contains { $0.isSameKind(as: found) } })
      }
    }
    let sorted = best.values.sorted { ($0.missing.count, $0.node.id) < ($1.missing.count, $1.node.id) }
    return Array(sorted.prefix(limit))
  }
}

extension Selector {
  /// Whether both say the same thing of a node or workload, with other values: `unix:uid:1` and `unix:uid:2`.
  func isSameKind(as other: Selector) -> Bool {
    guard type == other.type else { return false }
    guard let end = value.lastIndex(of: ":"), let otherEnd = other.value.lastIndex(of: ":") else {
      return !value.contains(":") && !other.value.contains(":")
    }
    return value[..<end] == other.value[..<otherEnd]
  }
}

extension Reach {
  /// The agents that `other` does not have.
  func without(_ other: Reach) -> Reach {
    var result = self
    result.agents.removeAll { other.known.contains($0.node.id) }
    return result
  }
}
