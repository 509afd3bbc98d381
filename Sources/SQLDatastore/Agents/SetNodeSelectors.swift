import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// Replaces the selectors of an agent and notes the event.
  func setNodeSelectors(_ selectors: [Selector], of agent: SPIFFEID) throws(DatastoreError) {
    let now = self.now
    try deleteNodeSelectors(of: agent)
    var seen: Set<Selector> = []
    for selector in selectors where seen.insert(selector).inserted {
      try insertNodeSelector(selector, of: agent, at: now)
    }
    try insertAgentEvent(agent)
  }
}
