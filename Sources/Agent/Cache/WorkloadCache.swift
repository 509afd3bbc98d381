package import FoundationEssentials
package import SPIFFE

/// The agent's knowledge of workloads: entries, their SVIDs, bundles, and who is subscribed to what (agent-behaviour
/// §7).
///
/// A value-type state machine: no clock, no locks, no waiting. Its owner, ``WorkloadCacheStore``, passes in the time
/// and carries out what the methods return.
///
/// Subscribers with the same selectors form a group. For each group the cache keeps which entries match and the update
/// that its members were given last, so that a change costs as much as the groups that see it, not as the number of
/// streams.
package struct WorkloadCache {
  package typealias SubscriberID = UInt64

  /// An entry with its SVID and those who use it.
  struct Record {
    var entry: AgentEntry
    /// The selector under which the entry is indexed: a workload that matches has it.
    let anchor: Selector
    var svid: WorkloadSVID?
    /// The SVID was signed by an authority that is tainted since.
    var isTainted = false
    var groups: Set<Int> = []
    /// When it was last looked at, in ticks of ``tick``.
    var lastUse: UInt64 = 0
  }

  /// Subscribers with equal selectors.
  struct Group {
    let selectors: Set<Selector>
    var matching: [String]
    /// What the members that are not waiting have.
    var current: WorkloadUpdate?
    var members: Set<SubscriberID> = []
    /// Members that have no update yet.
    var waiting: Set<SubscriberID> = []
  }

  package let limit: Int
  package internal(set) var bundles: BundleSet
  var records: [String: Record] = [:]
  // What is looked at often, so that it need not be looked for among tens of thousands of entries: those that have an
  // SVID, those that somebody is subscribed to, and those that federate with a trust domain.
  private(set) var holders: Set<String> = []
  var subscribed: Set<String> = []
  var federating: [TrustDomain: Set<String>] = [:]
  /// The tainted authorities of the own trust domain, by subject key identifier.
  var taintedKeyIDs: Set<[UInt8]> = []
  /// Entries with `store_svid`, by id: they are for a store, and no workload gets them.
  var stored: [String: AgentEntry] = [:]
  var anchors: [Selector: Set<String>] = [:]
  var groups: [Int: Group] = [:]
  var groupIDs: [Set<Selector>: Int] = [:]
  var groupsBySelector: [Selector: Set<Int>] = [:]
  var groupOf: [SubscriberID: Int] = [:]
  var tick: UInt64 = 0
  private var lastSubscriber: SubscriberID = 0
  private var lastGroup = 0
  /// Updates by the entries they were made of, so that groups with different selectors and equal identities share them.
  var shared: [[String]: WorkloadUpdate] = [:]

  /// - Parameter limit: how many SVIDs are kept for entries that nobody is subscribed to (a soft limit).
  package init(bundles: BundleSet, limit: Int = 1000) {
    self.bundles = bundles
    self.limit = limit
  }

  /// An update and who gets it.
  package struct Delivery {
    package let subscriber: SubscriberID
    package let update: WorkloadUpdate
  }

  /// What a subscriber gets at once.
  package enum FirstUpdate {
    case ready(WorkloadUpdate)
    /// Some matching entry has no SVID yet; the update comes when it has.
    case waiting
  }

  /// The number of entries.
  package var entryCount: Int { records.count }
  /// Entries with `store_svid`, by SPIFFE ID.
  package var storeEntries: [AgentEntry] {
    stored.values.sorted { ($0.spiffeID, $0.id) < ($1.spiffeID, $1.id) }
  }
  /// The number of SVIDs.
  package var svidCount: Int { holders.count }
  package var subscriberCount: Int { groupOf.count }

  // MARK: Subscriptions

  /// Begins a subscription of a workload with these selectors.
  package mutating func subscribe(_ selectors: Set<Selector>, now: Date) -> (SubscriberID, FirstUpdate) {
    lastSubscriber += 1
    let subscriber = lastSubscriber
    let id = groupIDs[selectors] ?? makeGroup(selectors)
    groupOf[subscriber] = id
    touch(groups[id]?.matching ?? [])
    groups[id]?.members.insert(subscriber)
    guard isComplete(id, now: now) else {
      groups[id]?.waiting.insert(subscriber)
      return (subscriber, .waiting)
    }
    let update = makeUpdate(of: groups[id]?.matching ?? [], now: now)
    // The other members may have been given less; they are told by the change that completed the group.
    if let current = groups[id]?.current, current.isEqual(to: update) { return (subscriber, .ready(current)) }
    if groups[id]?.members.count == 1 { groups[id]?.current = update }
    return (subscriber, .ready(update))
  }

  /// Ends a subscription.
  package mutating func unsubscribe(_ subscriber: SubscriberID) {
    guard let id = groupOf.removeValue(forKey: subscriber) else { return }
    // In place: a group may have thousands of members, which may all leave in one moment.
    groups[id]?.members.remove(subscriber)
    groups[id]?.waiting.remove(subscriber)
    guard let group = groups[id], group.members.isEmpty else { return }
    groups[id] = nil
    groupIDs[group.selectors] = nil
    for selector in group.selectors {
      groupsBySelector[selector]?.remove(id)
      if groupsBySelector[selector]?.isEmpty == true { groupsBySelector[selector] = nil }
    }
    for entry in group.matching {
      records[entry]?.groups.remove(id)
      if records[entry]?.groups.isEmpty == true { subscribed.remove(entry) }
    }
    if groups.isEmpty { shared = [:] }
  }

  private mutating func makeGroup(_ selectors: Set<Selector>) -> Int {
    lastGroup += 1
    let id = lastGroup
    let matching = matchingIDs(selectors)
    groups[id] = Group(selectors: selectors, matching: matching)
    groupIDs[selectors] = id
    for selector in selectors { groupsBySelector[selector, default: []].insert(id) }
    for entry in matching {
      records[entry]?.groups.insert(id)
      subscribed.insert(entry)
    }
    return id
  }

  // MARK: Looking up

  /// The ids of the entries whose selectors are all among `selectors`, ascending.
  func matchingIDs(_ selectors: Set<Selector>) -> [String] {
    var result: [String] = []
    for selector in selectors {
      for id in anchors[selector] ?? [] {
        guard let entry = records[id]?.entry else { continue }
        if entry.selectors.allSatisfy(selectors.contains) { result.append(id) }
      }
    }
    return result.sorted()
  }

  /// The entries that a workload with these selectors is entitled to, by ascending id, with or without an SVID.
  package func matchingEntries(_ selectors: Set<Selector>) -> [AgentEntry] {
    matchingIDs(selectors).compactMap { records[$0]?.entry }
  }

  /// What a workload would be served with now, without a subscription.
  package mutating func snapshot(_ selectors: Set<Selector>, now: Date) -> WorkloadUpdate {
    let matching = matchingIDs(selectors)
    touch(matching)
    return makeUpdate(of: matching, now: now)
  }

  /// The entry that shares most selectors with a workload that matches none: the likeliest mistake in a registration.
  package func nearestEntry(_ selectors: Set<Selector>) -> (entry: AgentEntry, missing: [Selector])? {
    var best: (entry: AgentEntry, missing: [Selector])?
    let types = Set(selectors.map(\.type))
    // An entry for which no attestor here finds selectors, such as a node's alias, is no near miss.
    for record in records.values where record.entry.selectors.allSatisfy({ types.contains($0.type) }) {
      let missing = record.entry.selectors.filter { !selectors.contains($0) }
      guard missing.count < record.entry.selectors.count || record.entry.selectors.count == 1 else { continue }
      if let known = best {
        if missing.count > known.missing.count { continue }
        if missing.count == known.missing.count, record.entry.id > known.entry.id { continue }
      }
      best = (record.entry, missing)
    }
    return best
  }

  /// Puts a record in its place, or removes it.
  mutating func set(_ record: Record?, _ id: String) {
    records[id] = record
    if record?.svid == nil { holders.remove(id) } else { holders.insert(id) }
    if record?.groups.isEmpty ?? true { subscribed.remove(id) } else { subscribed.insert(id) }
  }

  mutating func touch(_ ids: [String]) {
    tick += 1
    for id in ids { records[id]?.lastUse = tick }
  }
}
