package import DatastoreAPI
package import SPIFFE

/// The registration entries and node selectors that decide what each agent may serve, held in memory
/// (server-behaviour §6.4).
///
/// A value: ``EntryModelKeeper`` owns the current one and hands out copies; a copy never changes. Copies share all but
/// what changed between them (``ChunkedTable``), so that a copy costs nothing and a change after it a few microseconds,
/// however many entries there are. It knows nothing of clocks, databases or RPC.
package struct EntryModel: Sendable {
  /// The path of the parent that makes an entry a node alias.
  static let aliasParentPath = "/spire/server"
  /// Paths of agents and servers, which no entry should give out.
  private static let reservedPrefix = "/spire/"

  var byID = ChunkedTable<StoredEntry>()
  /// Entries that are not aliases, by the path of their parent.
  var families = ChunkedTable<Siblings>()
  /// The paths of ``families`` that an entry's ID may have too: all but reserved ones.
  var parents = HashBag()
  /// Entries of ``families`` whose own ID has a reserved path. Made by nobody today.
  private var reservedCount = 0
  /// Aliases under one of their selectors; an agent can only have the alias if it has that selector.
  var aliases = ChunkedTable<EntryList<Selector>>()
  /// Entries that make their workload an administrator or a downstream server, by its ID.
  private var privileged = ChunkedTable<EntryList<SPIFFEID>>()
  /// The selectors of each agent that has any.
  var agents = ChunkedTable<KnownSelectors>()
  /// What changes mean for those who watch; nil when nobody does.
  var tracking: ModelTracking?
  private var pool = StringPool()
  private var nextRank: UInt64 = 0

  package init() {}

  package init(entries: [RegistrationEntry], agentSelectors: [SPIFFEID: [Selector]] = [:]) {
    var builder = EntryModelBuilder()
    builder.add(entries)
    self = builder.build()
    for (agent, selectors) in agentSelectors { setSelectors(selectors, ofAgent: agent) }
  }

  package var entryCount: Int { byID.count }
  package var aliasCount: Int {
    var count = 0
    aliases.forEach { count += $0.entries.count }
    return count
  }
  /// The selectors of all aliases together.
  package var aliasSelectorCount: Int {
    var count = 0
    aliases.forEach { for alias in $0.entries { count += alias.entry.selectors.count } }
    return count
  }
  package var agentCount: Int { agents.count }
  /// The agents that have selectors, in no order.
  var agentsWithSelectors: [SPIFFEID] {
    var result: [SPIFFEID] = []
    agents.forEach { result.append($0.tableKey) }
    return result
  }

  /// The entry of this id.
  package func entry(id: String) -> RegistrationEntry? { byID.value(id)?.entry }

  /// Every entry, in no order.
  package var entries: [RegistrationEntry] {
    var result: [RegistrationEntry] = []
    result.reserveCapacity(byID.count)
    byID.forEach { result.append($0.entry) }
    return result
  }

  /// The selectors of an agent.
  package func selectors(ofAgent id: SPIFFEID) -> Set<Selector> { Set(agents.value(id)?.selectors ?? []) }

  /// Whether an entry makes `id` an administrator.
  package func isAdmin(_ id: SPIFFEID) -> Bool {
    privileged.value(id)?.entries.contains { $0.entry.admin } ?? false
  }

  /// Whether an entry makes `id` a downstream server.
  package func isDownstream(_ id: SPIFFEID) -> Bool {
    privileged.value(id)?.entries.contains { $0.entry.downstream } ?? false
  }

  // MARK: Changes

  /// Puts `entries` in, replacing those with the same id, and takes `removed` out.
  package mutating func apply(entries: [RegistrationEntry], removed: [String] = []) {
    for id in removed { set(nil, id: id) }
    for entry in entries { set(entry, id: entry.id) }
  }

  /// Makes `entry` the one of this id. Nil: there is none.
  package mutating func set(_ entry: RegistrationEntry?, id: String) {
    let hash = id.hashValue
    let before = tracking == nil ? nil : byID.value(id, hash: hash)?.entry
    noteEffects(before: before, becoming: entry)
    defer { noteEffects(after: entry, having: before) }
    guard let entry else {
      if let old = byID.value(id, hash: hash) { unlink(old) }
      byID.remove(id, hash: hash)
      return
    }
    // Taken out for the moment, so that the other tables can be changed from within; nothing is copied.
    var table = ChunkedTable<StoredEntry>()
    swap(&table, &byID)
    table.replace(id, hash: hash) { old in
      if let old { unlink(old) } else { nextRank += 1 }
      return link(entry, rank: old?.rank ?? nextRank)
    }
    swap(&table, &byID)
  }

  /// Takes everything out that is not in `ids`.
  package mutating func removeEntries(exceptIDs ids: Set<String>) {
    var rest: [String] = []
    byID.forEach { if !ids.contains($0.entry.id) { rest.append($0.entry.id) } }
    apply(entries: [], removed: rest)
  }

  /// Replaces the selectors of an agent. None: forgets the agent.
  package mutating func setSelectors(_ selectors: [Selector], ofAgent id: SPIFFEID) {
    noteEffects(ofAgent: id, becoming: selectors)
    let hash = id.hashValue
    if selectors.isEmpty {
      agents.remove(id, hash: hash)
    } else {
      let sorted = selectors.count == 1 ? selectors : Set(selectors).sorted()
      agents.set(KnownSelectors(id, pool.shared(sorted)), hash: hash)
    }
  }

  // MARK: All at once (EntryModelBuilder)

  /// An entry with the next rank, in the tables of few entries and not yet in the others. Its texts are its own: to find
  /// those that others have too would cost more than all else.
  mutating func newEntry(_ original: RegistrationEntry) -> StoredEntry {
    nextRank += 1
    var entry = original
    if !entry.parentID.trustDomain.isInline { Self.shareDomain(of: &entry, pool) }
    let stored = StoredEntry(entry, rank: nextRank)
    if Self.isAlias(entry) {
      if let key = entry.selectors.min() { Self.link(stored, to: &aliases, key) }
    } else if Self.isReserved(entry.spiffeID.path) {
      reservedCount += 1
    }
    if entry.admin || entry.downstream { Self.link(stored, to: &privileged, entry.spiffeID) }
    return stored
  }

  /// Puts in the entries of a parent that has none yet.
  mutating func addFamily(_ siblings: Siblings, hash: Int) {
    families.set(siblings, hash: hash)
    if !Self.isReserved(siblings.parent.path) { parents.insert(hash) }
  }

  /// Makes entries that all other tables hold known by their IDs. Of those with one ID the last counts.
  mutating func fill(_ slots: inout ContiguousArray<ChunkedTable<StoredEntry>.Slot?>) {
    var again: [StoredEntry] = []
    byID = ChunkedTable(filling: &slots) { again.append($0) }
    for stored in again {
      unlink(stored)
      set(stored.entry, id: stored.entry.id)
    }
  }

  // MARK: One by one

  private mutating func link(_ entry: RegistrationEntry, rank: UInt64) -> StoredEntry {
    let stored: StoredEntry
    if Self.isAlias(entry) {
      stored = StoredEntry(Self.share(entry, parent: entry.parentID, pool), rank: rank)
      if let key = entry.selectors.min() { Self.link(stored, to: &aliases, key) }
    } else {
      stored = linkToParent(entry, rank)
      tracking?.byPath.insert(stored)
    }
    if entry.admin || entry.downstream { Self.link(stored, to: &privileged, entry.spiffeID) }
    return stored
  }

  private mutating func linkToParent(_ entry: RegistrationEntry, _ rank: UInt64) -> StoredEntry {
    let path = entry.parentID.path
    let hash = path.hashValue
    let pathHash = entry.spiffeID.path.hashValue
    var stored: StoredEntry?
    let pool = pool
    let isNew = families.change(path, hash: hash, make: { Siblings(parent: entry.parentID) }) { siblings in
      let new = StoredEntry(Self.share(entry, parent: siblings.parent, pool), rank: rank)
      siblings.link(Siblings.Child(stored: new, pathHash: pathHash))
      stored = new
    }
    if isNew, !Self.isReserved(path) { parents.insert(hash) }
    if Self.isReserved(entry.spiffeID.path) { reservedCount += 1 }
    // Made above in any case.
    return stored ?? StoredEntry(entry, rank: rank)
  }

  private mutating func unlink(_ stored: StoredEntry) {
    let entry = stored.entry
    if Self.isAlias(entry) {
      if let key = entry.selectors.min() { Self.unlink(stored, from: &aliases, key) }
    } else {
      let path = entry.parentID.path
      let hash = path.hashValue
      let isGone = families.remove(path, hash: hash) { siblings in
        siblings.unlink(stored)
        return siblings.count == 0
      }
      if isGone, !Self.isReserved(path) { parents.remove(hash) }
      if Self.isReserved(entry.spiffeID.path) { reservedCount -= 1 }
      tracking?.byPath.remove(stored)
    }
    if entry.admin || entry.downstream { Self.unlink(stored, from: &privileged, entry.spiffeID) }
  }

  private static func link<Key>(_ stored: StoredEntry, to table: inout ChunkedTable<EntryList<Key>>, _ key: Key) {
    table.change(key, hash: key.hashValue, make: { EntryList(key) }) { $0.link(stored) }
  }

  private static func unlink<Key>(_ stored: StoredEntry, from table: inout ChunkedTable<EntryList<Key>>, _ key: Key) {
    table.remove(key, hash: key.hashValue) { list in
      list.unlink(stored)
      return list.entries.isEmpty
    }
  }

  static func isAlias(_ entry: RegistrationEntry) -> Bool { entry.parentID.path == aliasParentPath }

  private static func isReserved(_ path: String) -> Bool { path.utf8.starts(with: reservedPrefix.utf8) }

  /// Whether an entry's ID with a path of this hash may be a parent of others.
  func mayHaveChildren(_ pathHash: Int) -> Bool { reservedCount > 0 || parents.contains(pathHash) }

  /// Whether any entry may be a parent of others.
  var hasParentsAmongEntries: Bool { reservedCount > 0 || !parents.isEmpty }

  // MARK: Memory

  /// The entry with texts that others have too in shared memory, and lists without much spare room.
  private static func share(_ original: RegistrationEntry, parent: SPIFFEID, _ pool: StringPool) -> RegistrationEntry {
    var entry = original
    if entry.parentID == parent { entry.parentID = parent }
    if !entry.spiffeID.trustDomain.isInline { shareDomain(of: &entry, pool) }
    let isLong = entry.selectors.contains { $0.value.utf8.count > StringPool.inlineSize }
    if isLong || entry.selectors.capacity > entry.selectors.count + 2 { entry.selectors = pool.shared(entry.selectors) }
    return entry
  }

  private static func shareDomain(of entry: inout RegistrationEntry, _ pool: StringPool) {
    // The parent's, which nearly always is the same; else one from the pool.
    let (name, domain) = (entry.spiffeID.trustDomain.name, entry.parentID.trustDomain)
    let shared = domain.name == name ? domain : (try? TrustDomain(pool.shared(name))) ?? entry.spiffeID.trustDomain
    entry.spiffeID = (try? SPIFFEID(trustDomain: shared, path: entry.spiffeID.path)) ?? entry.spiffeID
  }
}

extension TrustDomain {
  /// Whether the name needs no memory of its own.
  fileprivate var isInline: Bool { name.utf8.count <= StringPool.inlineSize }
}
