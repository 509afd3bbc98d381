package import SPIFFE

/// A registration entry as the agent sees it: which identity goes to processes with which selectors. Immutable.
///
/// An object, so that the tables of the sync and of the cache share one, and that a sync that brought nothing compares
/// tens of thousands of them by looking at addresses.
package final class AgentEntry: Hashable, Sendable {
  package let id: String
  package let spiffeID: SPIFFEID
  /// All of them must be found on a workload. Sorted, without repetitions, never empty.
  package let selectors: [Selector]
  /// Sorted, without repetitions.
  package let federatesWith: [TrustDomain]
  package let admin: Bool
  package let downstream: Bool
  package let revisionNumber: Int64
  package let storeSVID: Bool
  package let hint: String
  /// Unix seconds.
  package let createdAt: Int64
  /// The SVID is made only when a workload asks for it.
  package let disableX509SVIDPrefetch: Bool

  package init(
    id: String, spiffeID: SPIFFEID, selectors: [Selector], federatesWith: [TrustDomain] = [], admin: Bool = false,
    downstream: Bool = false, revisionNumber: Int64 = 0, storeSVID: Bool = false, hint: String = "",
    createdAt: Int64 = 0, disableX509SVIDPrefetch: Bool = false
  ) {
    self.id = id
    self.spiffeID = spiffeID
    self.selectors = Set(selectors).sorted()
    self.federatesWith = Set(federatesWith).sorted()
    self.admin = admin
    self.downstream = downstream
    self.revisionNumber = revisionNumber
    self.storeSVID = storeSVID
    self.hint = hint
    self.createdAt = createdAt
    self.disableX509SVIDPrefetch = disableX509SVIDPrefetch
  }

  package static func == (a: AgentEntry, b: AgentEntry) -> Bool {
    a === b
      || a.id == b.id && a.spiffeID == b.spiffeID && a.selectors == b.selectors && a.federatesWith == b.federatesWith
        && a.admin == b.admin && a.downstream == b.downstream && a.revisionNumber == b.revisionNumber
        && a.storeSVID == b.storeSVID && a.hint == b.hint && a.createdAt == b.createdAt
        && a.disableX509SVIDPrefetch == b.disableX509SVIDPrefetch
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(id)
    hasher.combine(revisionNumber)
  }
}
