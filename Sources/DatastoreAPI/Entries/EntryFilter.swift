package import SPIFFE

/// Which entries a list or a count is about. Fields that are `nil` or `false` do not narrow it.
package struct EntryFilter: Hashable, Sendable {
  package var spiffeID: SPIFFEID?
  package var parentID: SPIFFEID?
  package var selectors: SelectorFilter?
  package var federatesWith: FederatesWithFilter?
  package var hint: String?
  /// Only downstream entries.
  package var downstream: Bool
  package var consistency: ReadConsistency

  package init(
    spiffeID: SPIFFEID? = nil, parentID: SPIFFEID? = nil, selectors: SelectorFilter? = nil,
    federatesWith: FederatesWithFilter? = nil, hint: String? = nil, downstream: Bool = false,
    consistency: ReadConsistency = .current
  ) {
    self.spiffeID = spiffeID
    self.parentID = parentID
    self.selectors = selectors
    self.federatesWith = federatesWith
    self.hint = hint
    self.downstream = downstream
    self.consistency = consistency
  }

  /// Every entry.
  package static let all = EntryFilter()
}
