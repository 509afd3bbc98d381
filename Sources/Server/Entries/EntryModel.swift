package import DatastoreAPI
package import SPIFFE

/// The registration entries and node selectors that decide what each agent may serve, held in memory
/// (server-behaviour §6.4).
///
/// A value: ``EntryModelKeeper`` owns the current one and hands out copies; a copy never changes. Entries are shared
/// between copies, so that a copy costs a few words per entry. It knows nothing of clocks, databases or RPC.
package struct EntryModel: Sendable {
  /// The path of the parent that makes an entry a node alias.
  static let aliasParentPath = "/spire/server"

  /// One entry, shared by every copy of the model that holds it.
  private final class Stored: Sendable {
    let entry: RegistrationEntry
    init(_ entry: RegistrationEntry) { self.entry = entry }
  }

  private var byID: [String: Stored] = [:]
  /// Entries that are not aliases, by the path of their parent, in the order in which they came.
  private var byParentPath: [String: [Stored]] = [:]
  /// Aliases under one of their selectors; an agent can only have the alias if it has that selector.
  private var aliases: [Selector: [Stored]] = [:]
  /// The selectors of each agent that has any.
  private var agentSelectors: [SPIFFEID: Set<Selector>] = [:]

  package init() {}

  package init(entries: [RegistrationEntry], agentSelectors: [SPIFFEID: [Selector]] = [:]) {
    byID.reserveCapacity(entries.count)
    apply(entries: entries)
    for (agent, selectors) in agentSelectors { setSelectors(selectors, ofAgent: agent) }
  }

  package var entryCount: Int { byID.count }
  package var aliasCount: Int { aliases.values.reduce(0) { $0 + $1.count } }
  package var agentCount: Int { agentSelectors.count }

  /// The entry of this id.
  package func entry(id: String) -> RegistrationEntry? { byID[id]?.entry }

  /// Every entry, in no order.
  package var entries: [RegistrationEntry] { byID.values.map(\.entry) }

  // MARK: Changes

  /// Puts `entries` in, replacing those with the same id, and takes `removed` out.
  package mutating func apply(entries: [RegistrationEntry], removed: [String] = []) {
    var stale: Set<String> = []
    for id in removed where byID[id] != nil { stale.insert(id) }
    for entry in entries where byID[entry.id] != nil { stale.insert(entry.id) }
    if !stale.isEmpty { unlink(stale) }
    var fresh: [String: RegistrationEntry] = [:]
    for entry in entries { fresh[entry.id] = entry }
    for entry in entries {
      // The last one wins when an id comes twice.
      guard let entry = fresh.removeValue(forKey: entry.id) else { continue }
      link(Stored(entry))
    }
  }

  /// Takes everything out that is not in `ids`.
  package mutating func removeEntries(exceptIDs ids: Set<String>) {
    apply(entries: [], removed: byID.keys.filter { !ids.contains($0) })
  }

  /// Replaces the selectors of an agent. None: forgets the agent.
  package mutating func setSelectors(_ selectors: [Selector], ofAgent id: SPIFFEID) {
    agentSelectors[id] = selectors.isEmpty ? nil : Set(selectors)
  }

  private mutating func link(_ stored: Stored) {
    let entry = stored.entry
    byID[entry.id] = stored
    if Self.isAlias(entry) {
      guard let key = entry.selectors.min() else { return }
      aliases[key, default: []].append(stored)
    } else {
      byParentPath[entry.parentID.path, default: []].append(stored)
    }
  }

  private mutating func unlink(_ ids: Set<String>) {
    var parents: Set<String> = []
    var keys: Set<Selector> = []
    for id in ids {
      guard let stored = byID.removeValue(forKey: id) else { continue }
      if Self.isAlias(stored.entry) {
        if let key = stored.entry.selectors.min() { keys.insert(key) }
      } else {
        parents.insert(stored.entry.parentID.path)
      }
    }
    for path in parents {
      byParentPath[path]?.removeAll { ids.contains($0.entry.id) }
      if byParentPath[path]?.isEmpty == true { byParentPath[path] = nil }
    }
    for key in keys {
      aliases[key]?.removeAll { ids.contains($0.entry.id) }
      if aliases[key]?.isEmpty == true { aliases[key] = nil }
    }
  }

  private static func isAlias(_ entry: RegistrationEntry) -> Bool { entry.parentID.path == aliasParentPath }

  // MARK: What an agent may serve

  /// The entries that `agent` may serve: all descendants of its own ID and of each alias that its selectors earn.
  package func authorizedEntries(for agent: SPIFFEID) -> [RegistrationEntry] {
    var result: [RegistrationEntry] = []
    visit(from: agent) { entry in
      result.append(entry)
      return true
    }
    return result
  }

  /// Those of `ids` that `agent` may serve, by id. Ends as soon as it has found them all.
  package func authorizedEntries(for agent: SPIFFEID, ids: Set<String>) -> [String: RegistrationEntry] {
    var result: [String: RegistrationEntry] = [:]
    let wanted = ids.filter { byID[$0] != nil }.count
    guard wanted > 0 else { return result }
    visit(from: agent) { entry in
      if ids.contains(entry.id) { result[entry.id] = entry }
      return result.count < wanted
    }
    return result
  }

  /// The paths under which the walk begins: the agent's own and those of its aliases.
  private func rootPaths(of agent: SPIFFEID) -> [String] {
    var roots = [agent.path]
    guard !aliases.isEmpty, let selectors = agentSelectors[agent] else { return roots }
    // Sorted, so that the answer does not depend on the order of a hash table.
    for selector in selectors.sorted() {
      for alias in aliases[selector] ?? [] where selectors.isSuperset(of: alias.entry.selectors) {
        roots.append(alias.entry.spiffeID.path)
      }
    }
    return roots
  }

  /// Walks depth first, each path once, without recursion: the depth of a chain of entries has no bound.
  /// `body` answers whether to go on.
  private func visit(from agent: SPIFFEID, _ body: (RegistrationEntry) -> Bool) {
    var visited: Set<String> = []
    var stack: [(children: [Stored], next: Int)] = []
    for root in rootPaths(of: agent) {
      guard visited.insert(root).inserted, let children = byParentPath[root] else { continue }
      stack.append((children, 0))
      while let top = stack.last {
        guard top.next < top.children.count else {
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let entry = top.children[top.next].entry
        guard body(entry) else { return }
        let path = entry.spiffeID.path
        if visited.insert(path).inserted, let children = byParentPath[path] { stack.append((children, 0)) }
      }
    }
  }
}
