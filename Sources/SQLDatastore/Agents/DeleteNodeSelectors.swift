import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func deleteNodeSelectors(of agent: SPIFFEID) throws(DatastoreError) {
    try post("DELETE FROM node_resolver_map_entries WHERE spiffe_id = ?", [.text(agent.description)])
  }
}
