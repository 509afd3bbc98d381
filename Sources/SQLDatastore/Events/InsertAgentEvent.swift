import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// Notes that an agent or its selectors changed, in the table of events and for this process.
  func insertAgentEvent(_ agentID: SPIFFEID) throws(DatastoreError) {
    let now = self.now
    let id = try insert(
      "INSERT INTO attested_node_entries_events (created_at, updated_at, spiffe_id) VALUES (?, ?, ?)",
      [now, now, .text(agentID.description)])
    log.agents.append(AgentEvent(id: id, agentID: agentID))
  }
}
