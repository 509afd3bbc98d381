package import SPIFFE

/// A registration entry as the agent sees it: which identity goes to processes with which selectors. A value.
package struct AgentEntry: Hashable, Sendable {
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
}
