package import FoundationEssentials

/// Which entries need an SVID, and what happens when they get it.
extension WorkloadCache {
  /// An entry that is to be signed.
  package struct StaleEntry: Sendable {
    /// Why, in the order in which the work is done.
    package enum Reason: Int, Comparable, Sendable {
      /// A workload waits for it.
      case wanted = 0
      /// The entry changed since its SVID was issued.
      case changed = 1
      /// Its SVID was signed by a tainted authority.
      case tainted = 2
      /// Its SVID is due to be replaced, or expired.
      case due = 3
      /// Nobody asked for it yet.
      case prefetch = 4

      package static func < (a: Reason, b: Reason) -> Bool { a.rawValue < b.rawValue }
    }

    package let entry: AgentEntry
    package let reason: Reason
    /// When the SVID that it has expires.
    package let expiresAt: Date?
  }

  /// What is to be signed now, the most urgent first.
  package func staleEntries(now: Date) -> [StaleEntry] {
    var stale: [StaleEntry] = []
    for id in holders {
      guard let record = records[id], let svid = record.svid else { continue }
      if let reason = staleness(svid, record, now: now) {
        stale.append(StaleEntry(entry: record.entry, reason: reason, expiresAt: svid.notAfter))
      }
    }
    var wanted = 0
    for id in subscribed where !holders.contains(id) {
      guard let record = records[id] else { continue }
      wanted += 1
      stale.append(StaleEntry(entry: record.entry, reason: .wanted, expiresAt: nil))
    }
    let room = limit - holders.count - stale.count { $0.reason == .wanted }
    // Where everybody has one there is nobody to look for.
    if room > 0, holders.count + wanted < records.count {
      stale += nextToPrefetch(min(room, Self.prefetchPortion)).map {
        StaleEntry(entry: $0, reason: .prefetch, expiresAt: nil)
      }
    }
    return stale.sorted { a, b in
      if a.reason != b.reason { return a.reason < b.reason }
      let (first, second) = (a.expiresAt ?? .distantPast, b.expiresAt ?? .distantPast)
      return first == second ? a.entry.id < b.entry.id : first < second
    }
  }

  /// How many entries that nobody asked for are named at once: more than a request to the server takes.
  private static let prefetchPortion = 1000

  /// Entries without an SVID and without subscribers, those that were used last first.
  private func nextToPrefetch(_ count: Int) -> [AgentEntry] {
    func isBefore(_ a: Record, _ b: Record) -> Bool {
      a.lastUse == b.lastUse ? a.entry.id < b.entry.id : a.lastUse > b.lastUse
    }
    var first: [Record] = []
    for record in records.values
    where record.svid == nil && record.groups.isEmpty && !record.entry.disableX509SVIDPrefetch {
      if first.count == count, let last = first.last, !isBefore(record, last) { continue }
      var (low, high) = (0, first.count)
      while low < high {
        let middle = (low + high) / 2
        if isBefore(first[middle], record) { low = middle + 1 } else { high = middle }
      }
      first.insert(record, at: low)
      if first.count > count { first.removeLast() }
    }
    return first.map(\.entry)
  }

  private func staleness(_ svid: WorkloadSVID, _ record: Record, now: Date) -> StaleEntry.Reason? {
    if svid.notAfter <= now, !record.groups.isEmpty { return .wanted }
    if !svid.isCurrent(for: record.entry) { return .changed }
    if record.isTainted { return .tainted }
    return svid.rotationTime <= now ? .due : nil
  }

  /// When the next SVID is due to be replaced.
  package var nextRotation: Date? {
    holders.lazy.compactMap { records[$0]?.svid?.rotationTime }.min()
  }

  /// When the last of the SVIDs expires.
  package var lastExpiry: Date? { records.values.lazy.compactMap { $0.svid?.notAfter }.max() }

  /// Takes over SVIDs that were signed for entries.
  package mutating func setSVIDs(_ svids: [(entryID: String, svid: WorkloadSVID)], now: Date) -> Changes {
    var changes = Changes()
    var touched: Set<Int> = []
    for (id, svid) in svids {
      // The entry may have been removed, or given to another identity, while the SVID was on its way.
      guard var record = records[id], record.entry.spiffeID == svid.id else { continue }
      record.svid = svid
      // It may have been signed just before the authority was replaced, and arrive after it was tainted.
      record.isTainted = isTainted(svid)
      set(record, id)
      touched.formUnion(record.groups)
      changes.events.append(.svidUpdated(record.entry))
    }
    changes.deliveries = deliver(to: touched.sorted(), now: now)
    return changes
  }

  /// Whether a tainted authority signed it.
  package func isTainted(_ svid: WorkloadSVID) -> Bool { svid.authorityKeyIDs.contains(where: taintedKeyIDs.contains) }

  /// The SVIDs that tainted authorities signed.
  package var taintedCount: Int { holders.count { records[$0]?.isTainted == true } }

  /// Marks the SVIDs that an authority signed, so that they are replaced at once. They are served until then: they are
  /// still valid, and a workload without an identity would be the worse fault.
  ///
  /// - Parameter keyIDs: all tainted authorities' subject key identifiers.
  /// - Returns: how many SVIDs it concerns.
  package mutating func taint(keyIDs: Set<[UInt8]>) -> Int {
    var count = 0
    taintedKeyIDs = keyIDs
    for id in holders {
      guard let record = records[id], let svid = record.svid, !record.isTainted, isTainted(svid) else { continue }
      records[id]?.isTainted = true
      count += 1
    }
    return count
  }
}
