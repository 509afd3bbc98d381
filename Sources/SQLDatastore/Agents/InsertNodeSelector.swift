import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func insertNodeSelector(_ selector: Selector, of agent: SPIFFEID, at now: SQLValue) throws(DatastoreError) {
    _ = try insert(
      "INSERT INTO node_resolver_map_entries (created_at, updated_at, spiffe_id, type, value) VALUES (?, ?, ?, ?, ?)",
      [now, now, .text(agent.description), .text(selector.type), .text(selector.value)])
  }
}
