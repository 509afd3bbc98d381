package import FoundationEssentials
package import SPIFFE

/// How entries and bundles of a sync are taken over.
extension WorkloadCache {
  /// What a sync changed: updates for subscribers, and events for the log.
  package struct Changes {
    package var deliveries: [Delivery] = []
    package var events: [CacheEvent] = []
    package var bundles = BundleSet.Changes()
    /// A workload waits for the SVID of an entry that came or changed.
    package var isUrgent = false
  }

  /// Takes over the authorised entries and the bundles. Entries with `storeSVID` are
  /// for a store: they are only remembered.
  package mutating func update(
    entries: some Collection<AgentEntry>, bundle: Bundle, federated: [Bundle], now: Date
  ) -> Changes {
    var changes = Changes()
    changes.bundles = bundles.update(own: bundle, federated: federated)
    changes.events += CacheEvent.of(changes.bundles)
    var touched: Set<Int> = []
    stored = [:]
    var count = 0
    var changed: [AgentEntry] = []
    for entry in entries {
      if entry.storeSVID {
        stored[entry.id] = entry
      } else {
        count += 1
        if records[entry.id]?.entry != entry { changed.append(entry) }
      }
    }
    for entry in changed.sorted(by: { $0.id < $1.id }) { put(entry, &changes, &touched) }
    // All that came are here: as many as that, and none has gone.
    if records.count != count {
      let present = Set(entries.lazy.filter { !$0.storeSVID }.map(\.id))
      for id in records.keys.filter({ !present.contains($0) }).sorted() { remove(id, &changes, &touched) }
    }
    finish(&changes, touched, now)
    return changes
  }

  /// Takes over some entries and what became of the bundles; all others stay as they are.
  package mutating func change(
    entries: [AgentEntry], removed: [String], bundle: Bundle, federated: [Bundle], now: Date
  ) -> Changes {
    var changes = Changes()
    changes.bundles = bundles.update(own: bundle, federated: federated)
    changes.events += CacheEvent.of(changes.bundles)
    var touched: Set<Int> = []
    for entry in entries {
      stored[entry.id] = entry.storeSVID ? entry : nil
      if entry.storeSVID { remove(entry.id, &changes, &touched) } else { put(entry, &changes, &touched) }
    }
    for id in removed {
      stored[id] = nil
      remove(id, &changes, &touched)
    }
    finish(&changes, touched, now)
    return changes
  }

  /// Tells the subscribers whom the changes of entries and bundles concern.
  private mutating func finish(_ changes: inout Changes, _ groupsOfEntries: Set<Int>, _ now: Date) {
    var touched = groupsOfEntries
    if changes.bundles.touched.contains(bundles.own.trustDomain) {
      touched = Set(groups.keys)
    } else if !changes.bundles.isEmpty {
      for domain in changes.bundles.touched {
        for id in federating[domain] ?? [] { touched.formUnion(records[id]?.groups ?? []) }
      }
    }
    evict()
    changes.deliveries = deliver(to: touched.sorted(), now: now)
    changes.isUrgent = changes.events.contains { event in
      switch event {
      case .entryCreated(let entry), .entryUpdated(let entry, _): isWanted(entry.id)
      default: false
      }
    }
  }

  /// Whether a workload is subscribed to the entry and its SVID is not there, or not for the entry as it is.
  private func isWanted(_ id: String) -> Bool {
    guard let record = records[id], !record.groups.isEmpty else { return false }
    return record.svid?.isCurrent(for: record.entry) != true
  }

  private mutating func put(_ entry: AgentEntry, _ changes: inout Changes, _ touched: inout Set<Int>) {
    guard let record = records[entry.id] else {
      insert(entry, svid: nil, isTainted: false, &touched)
      changes.events.append(.entryCreated(entry))
      return
    }
    let old = record.entry
    if old == entry { return }
    changes.events.append(.entryUpdated(entry, before: old))
    touched.formUnion(record.groups)
    // An SVID for another identity must not be served under this entry for a moment longer.
    let svid = old.spiffeID == entry.spiffeID ? record.svid : nil
    take(entry.id)
    insert(entry, svid: svid, isTainted: record.isTainted, lastUse: record.lastUse, &touched)
  }

  private mutating func insert(
    _ entry: AgentEntry, svid: WorkloadSVID?, isTainted: Bool, lastUse: UInt64 = 0, _ touched: inout Set<Int>
  ) {
    // The selector that the fewest entries are indexed under makes the shortest lists to search.
    guard let anchor = entry.selectors.min(by: { (anchors[$0]?.count ?? 0) < (anchors[$1]?.count ?? 0) }) else {
      return
    }
    var record = Record(entry: entry, anchor: anchor, svid: svid, isTainted: isTainted)
    record.lastUse = lastUse
    for domain in entry.federatesWith { federating[domain, default: []].insert(entry.id) }
    anchors[anchor, default: []].insert(entry.id)
    for id in groupsBySelector[anchor] ?? [] {
      guard var group = groups[id], entry.selectors.allSatisfy(group.selectors.contains) else { continue }
      let index = group.matching.firstIndex { $0 > entry.id } ?? group.matching.endIndex
      group.matching.insert(entry.id, at: index)
      groups[id] = group
      record.groups.insert(id)
    }
    touched.formUnion(record.groups)
    set(record, entry.id)
  }

  private mutating func remove(_ id: String, _ changes: inout Changes, _ touched: inout Set<Int>) {
    guard let record = records[id] else { return }
    touched.formUnion(record.groups)
    take(id)
    changes.events.append(.entryRemoved(record.entry))
  }

  private mutating func take(_ id: String) {
    guard let record = records[id] else { return }
    set(nil, id)
    for domain in record.entry.federatesWith {
      federating[domain]?.remove(id)
      if federating[domain]?.isEmpty == true { federating[domain] = nil }
    }
    anchors[record.anchor]?.remove(id)
    if anchors[record.anchor]?.isEmpty == true { anchors[record.anchor] = nil }
    for group in record.groups { groups[group]?.matching.removeAll { $0 == id } }
  }

  /// Gives up the SVIDs that nobody is subscribed to and that were not used for the longest time, down to the limit.
  private mutating func evict() {
    let excess = svidCount - limit
    guard excess > 0 else { return }
    let unused = holders.subtracting(subscribed).compactMap { records[$0] }.sorted { $0.lastUse < $1.lastUse }
    for var record in unused.prefix(excess) {
      record.svid = nil
      set(record, record.entry.id)
    }
  }
}
