import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// Deletes an agent with its selectors and, for a join token, its alias; notes the events.
  func deleteAgent(_ row: AgentRow) throws(DatastoreError) {
    try deleteNodeSelectors(of: row.agent.id)
    try post("DELETE FROM attested_node_entries WHERE id = ?", [.integer(row.rowID)])
    if row.agent.attestationType == "join_token" { try deleteAlias(of: row.agent.id) }
    try insertAgentEvent(row.agent.id)
  }

  /// The alias that comes with a token: child of the agent, with the agent's ID as its only selector. Other children
  /// were made by somebody and stay.
  private func deleteAlias(of agent: SPIFFEID) throws(DatastoreError) {
    var condition = SQLCondition()
    condition.and("e.parent_id = ?", [.text(agent.description)])
    let filter = SelectorFilter([Selector(type: "spiffe_id", value: agent.description)], match: .exact)
    try condition.matchSelectors(filter, table: "selectors", key: "registered_entry_id", column: "e.id")
    _ = try deleteEntries(condition)
  }
}
