import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// Replaces the selectors of an agent and notes the event.
  func setNodeSelectors(_ selectors: [Selector], of agent: SPIFFEID) throws(DatastoreError) {
    let now = self.now
    try deleteNodeSelectors(of: agent)
    var seen: Set<Selector> = []
    try insertNodeSelectors(selectors.filter { seen.insert($0).inserted }, of: agent, at: now)
    try insertAgentEvent(agent)
  }
}
