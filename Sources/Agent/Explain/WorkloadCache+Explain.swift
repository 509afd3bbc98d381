import FoundationEssentials
package import SPIFFE

/// What the cache holds, for people to look at. Nothing here counts as a use.
extension WorkloadCache {
  /// An entry with its SVID of the moment.
  package struct EntryState: Sendable {
    package let entry: AgentEntry
    package let svid: WorkloadSVID?
    /// The SVID is about to be replaced: the entry changed, or a tainted authority signed it.
    package let isOutdated: Bool
  }

  /// The entries that a workload with these selectors is entitled to, by ascending id.
  package func states(matching selectors: Set<Selector>) -> [EntryState] {
    matchingIDs(selectors).compactMap { records[$0].map(Self.state) }
  }

  /// The SPIFFE IDs of all entries.
  package var entryIDs: Set<SPIFFEID> { Set(records.values.map(\.entry.spiffeID)) }

  /// Entries in the order of their SPIFFE IDs.
  package func states(limit: Int) -> [EntryState] {
    let sorted = records.values.sorted { ($0.entry.spiffeID, $0.entry.id) < ($1.entry.spiffeID, $1.entry.id) }
    return sorted.prefix(limit).map(Self.state)
  }

  /// Entries that a workload with these selectors is not entitled to, those that lack least first. Entries for which
  /// no attestor here finds selectors come last; those that only stand for a node are left out.
  package func nearest(
    to selectors: Set<Selector>, types: Set<String>, limit: Int
  ) -> [(state: EntryState, missing: [Selector])] {
    var best: [(rank: Rank, record: Record, missing: [Selector])] = []
    for record in records.values {
      let wanted = record.entry.selectors
      if wanted.allSatisfy({ $0.type == "spiffe_id" }) { continue }
      let missing = wanted.filter { !selectors.contains($0) }
      guard !missing.isEmpty else { continue }
      let rank = Rank(
        isForeign: !wanted.allSatisfy { types.contains($0.type) }, sharesNothing: missing.count == wanted.count,
        missing: missing.count, shared: wanted.count - missing.count, id: record.entry.id)
      if best.count == limit, let last = best.last, last.rank < rank { continue }
      let index = best.firstIndex { rank < $0.rank } ?? best.endIndex
      best.insert((rank, record, missing), at: index)
      if best.count > limit { best.removeLast() }
    }
    return best.map { (Self.state($0.record), $0.missing) }
  }

  private struct Rank: Comparable {
    let isForeign: Bool
    let sharesNothing: Bool
    let missing: Int
    let shared: Int
    let id: String

    static func < (a: Rank, b: Rank) -> Bool {
      (a.isForeign ? 1 : 0, a.sharesNothing ? 1 : 0, a.missing, -a.shared, a.id)
        < (b.isForeign ? 1 : 0, b.sharesNothing ? 1 : 0, b.missing, -b.shared, b.id)
    }
  }

  private static func state(_ record: Record) -> EntryState {
    EntryState(
      entry: record.entry, svid: record.svid,
      isOutdated: record.isTainted || record.svid.map { !$0.isCurrent(for: record.entry) } ?? false)
  }
}
