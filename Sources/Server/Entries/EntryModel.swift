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

  private var byID: [String: StoredEntry] = [:]
  /// Entries that are not aliases, by the path of their parent, in the order in which they came.
  private var byParentPath: [String: [StoredEntry]] = [:]
  /// Aliases under one of their selectors; an agent can only have the alias if it has that selector.
  private var aliases: [Selector: [StoredEntry]] = [:]
  /// Entries that make their workload an administrator or a downstream server, by its ID.
  private var privileged: [SPIFFEID: [StoredEntry]] = [:]
  /// The selectors of each agent that has any.
  private var agentSelectors: [SPIFFEID: Set<Selector>] = [:]
  private var pool = StringPool()
  private var nextRank: UInt64 = 0

  package init() {}

  package init(entries: [RegistrationEntry], agentSelectors: [SPIFFEID: [Selector]] = [:]) {
    byID.reserveCapacity(entries.count)
    apply(entries: entries)
    for (agent, selectors) in agentSelectors { setSelectors(selectors, ofAgent: agent) }
  }

  package var entryCount: Int { byID.count }
  package var aliasCount: Int { aliases.values.reduce(0) { $0 + $1.count } }
  /// The selectors of all aliases together.
  package var aliasSelectorCount: Int {
    aliases.values.reduce(0) { $1.reduce($0) { $0 + $1.entry.selectors.count } }
  }
  package var agentCount: Int { agentSelectors.count }

  /// The entry of this id.
  package func entry(id: String) -> RegistrationEntry? { byID[id]?.entry }

  /// Every entry, in no order.
  package var entries: [RegistrationEntry] { byID.values.map(\.entry) }

  /// The selectors of an agent.
  package func selectors(ofAgent id: SPIFFEID) -> Set<Selector> { agentSelectors[id] ?? [] }

  /// Whether an entry makes `id` an administrator.
  package func isAdmin(_ id: SPIFFEID) -> Bool { privileged[id]?.contains { $0.entry.admin } ?? false }

  /// Whether an entry makes `id` a downstream server.
  package func isDownstream(_ id: SPIFFEID) -> Bool { privileged[id]?.contains { $0.entry.downstream } ?? false }

  // MARK: Changes

  /// Puts `entries` in, replacing those with the same id, and takes `removed` out.
  package mutating func apply(entries: [RegistrationEntry], removed: [String] = []) {
    for id in removed { set(nil, id: id) }
    for entry in entries { set(entry, id: entry.id) }
  }

  /// Makes `entry` the one of this id. Nil: there is none.
  package mutating func set(_ entry: RegistrationEntry?, id: String) {
    let old = byID[id]
    if let old { unlink(old) }
    guard let entry else {
      if old != nil { byID[id] = nil }
      return
    }
    if old == nil { nextRank += 1 }
    let stored = StoredEntry(share(entry), rank: old?.rank ?? nextRank)
    byID[stored.entry.id] = stored
    link(stored)
  }

  /// Takes everything out that is not in `ids`.
  package mutating func removeEntries(exceptIDs ids: Set<String>) {
    apply(entries: [], removed: byID.keys.filter { !ids.contains($0) })
  }

  /// Replaces the selectors of an agent. None: forgets the agent.
  package mutating func setSelectors(_ selectors: [Selector], ofAgent id: SPIFFEID) {
    agentSelectors[id] = selectors.isEmpty ? nil : Set(selectors.map { share($0) })
  }

  private mutating func link(_ stored: StoredEntry) {
    let entry = stored.entry
    if Self.isAlias(entry) {
      if let key = entry.selectors.min() { aliases[key, default: []].link(stored) }
    } else {
      byParentPath[entry.parentID.path, default: []].link(stored)
    }
    if entry.admin || entry.downstream { privileged[entry.spiffeID, default: []].link(stored) }
  }

  private mutating func unlink(_ stored: StoredEntry) {
    let entry = stored.entry
    if Self.isAlias(entry) {
      if let key = entry.selectors.min() { Self.unlink(stored, from: &aliases, key) }
    } else {
      Self.unlink(stored, from: &byParentPath, entry.parentID.path)
    }
    if entry.admin || entry.downstream { Self.unlink(stored, from: &privileged, entry.spiffeID) }
  }

  private static func unlink<Key>(_ stored: StoredEntry, from lists: inout [Key: [StoredEntry]], _ key: Key) {
    lists[key]?.unlink(stored)
    if lists[key]?.isEmpty == true { lists[key] = nil }
  }

  private static func isAlias(_ entry: RegistrationEntry) -> Bool { entry.parentID.path == aliasParentPath }

  // MARK: Memory

  /// The entry with texts that others have too in shared memory, and lists without spare room.
  private mutating func share(_ entry: RegistrationEntry) -> RegistrationEntry {
    var entry = entry
    entry.spiffeID = share(entry.spiffeID, sharesPath: false)
    entry.parentID = share(entry.parentID, sharesPath: true)
    var selectors: [Selector] = []
    selectors.reserveCapacity(entry.selectors.count)
    for selector in entry.selectors { selectors.append(share(selector)) }
    entry.selectors = selectors
    return entry
  }

  private mutating func share(_ selector: Selector) -> Selector {
    Selector(type: pool.shared(selector.type), value: pool.shared(selector.value))
  }

  private mutating func share(_ id: SPIFFEID, sharesPath: Bool) -> SPIFFEID {
    let name = pool.shared(id.trustDomain.name)
    let path = sharesPath ? pool.shared(id.path) : id.path
    // Both were valid before; the ID itself serves as well.
    return (try? SPIFFEID(trustDomain: TrustDomain(name), path: path)) ?? id
  }

  // MARK: What an agent may serve

  /// The entries that `agent` may serve: all descendants of its own ID and of each alias that its selectors earn.
  package func authorizedEntries(for agent: SPIFFEID) -> [RegistrationEntry] {
    var result: [RegistrationEntry] = []
    visit(from: rootPaths(of: agent)) { entry in
      result.append(entry)
      return true
    }
    return result
  }

  /// Those of `ids` that `agent` may serve, by id. Ends as soon as it has found them all.
  package func authorizedEntries(for agent: SPIFFEID, ids: Set<String>) -> [String: RegistrationEntry] {
    var result: [String: RegistrationEntry] = [:]
    let roots = rootPaths(of: agent)
    var wanted = 0
    for id in ids {
      guard let entry = byID[id]?.entry else { continue }
      wanted += 1
      // Nearly all entries are children of the agent or of its alias: no need to walk through their siblings.
      if !Self.isAlias(entry), roots.contains(entry.parentID.path) { result[id] = entry }
    }
    guard result.count < wanted else { return result }
    visit(from: roots) { entry in
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
  private func visit(from roots: [String], _ body: (RegistrationEntry) -> Bool) {
    var visited: Set<String> = []
    var stack: [(children: [StoredEntry], next: Int)] = []
    for root in roots {
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
        if let children = byParentPath[path], visited.insert(path).inserted { stack.append((children, 0)) }
      }
    }
  }
}
