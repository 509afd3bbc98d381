/// Which agents a list or a count is about. Fields that are `nil` do not narrow it.
package struct AgentFilter: Hashable, Sendable {
  package var attestationType: String?
  package var banned: Bool?
  package var canReattest: Bool?
  /// Unix seconds: agents whose current SVID ends before.
  package var expiresBefore: Int64?
  /// Unix seconds: agents whose current SVID is valid at that time.
  package var validAt: Int64?
  package var selectors: SelectorFilter?
  package var consistency: ReadConsistency

  package init(
    attestationType: String? = nil, banned: Bool? = nil, canReattest: Bool? = nil, expiresBefore: Int64? = nil,
    validAt: Int64? = nil, selectors: SelectorFilter? = nil, consistency: ReadConsistency = .current
  ) {
    self.attestationType = attestationType
    self.banned = banned
    self.canReattest = canReattest
    self.expiresBefore = expiresBefore
    self.validAt = validAt
    self.selectors = selectors
    self.consistency = consistency
  }

  /// Every agent.
  package static let all = AgentFilter()
}
