import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func insertNodeSelectors(_ selectors: [Selector], of agent: SPIFFEID, at now: SQLValue) throws(DatastoreError) {
    try insertAll(
      "INSERT INTO node_resolver_map_entries (created_at, updated_at, spiffe_id, type, value) VALUES ",
      selectors.map { [now, now, .text(agent.description), .text($0.type), .text($0.value)] })
  }
}
