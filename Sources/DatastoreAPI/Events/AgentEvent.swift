package import SPIFFE

/// A row of the event table: the agent of `agentID`, or its selectors, changed.
package struct AgentEvent: Hashable, Sendable {
  /// Grows with each event; a smaller ID may become visible later than a greater one.
  package var id: Int64
  package var agentID: SPIFFEID

  package init(id: Int64, agentID: SPIFFEID) {
    self.id = id
    self.agentID = agentID
  }
}
