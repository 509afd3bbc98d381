import SPIFFE

/// What a batch of creations has found out at once for all its items: which pairs of SPIFFE ID and parent have no entry.
/// Owned by its ``SQLTransaction``; only ever leaves out a query that would find nothing.
struct EntryKnowledge {
  private struct Pair: Hashable {
    let spiffeID: SPIFFEID
    let parentID: SPIFFEID
  }
  private var absent: Set<Pair> = []

  func isAbsent(_ spiffeID: SPIFFEID, _ parentID: SPIFFEID) -> Bool {
    absent.contains(Pair(spiffeID: spiffeID, parentID: parentID))
  }

  mutating func noteAbsent(_ spiffeID: SPIFFEID, _ parentID: SPIFFEID) {
    absent.insert(Pair(spiffeID: spiffeID, parentID: parentID))
  }

  mutating func notePresent(_ spiffeID: SPIFFEID, _ parentID: SPIFFEID) {
    absent.remove(Pair(spiffeID: spiffeID, parentID: parentID))
  }
}
