package import DatastoreAPI
import Logging
package import SPIFFE

extension SQLDatastore: NodeSelectorStore {
  package func setNodeSelectors(_ selectors: [Selector], of agent: SPIFFEID) async throws(DatastoreError) {
    try await write(["node", "selectors", "set"]) { (transaction) throws(DatastoreError) in
      try transaction.setNodeSelectors(selectors, of: agent)
    }
  }

  package func nodeSelectors(
    of agent: SPIFFEID, consistency: ReadConsistency
  ) async throws(DatastoreError) -> [Selector] {
    try await read(["node", "selectors", "fetch"], consistency) { (transaction) throws(DatastoreError) in
      var condition = SQLCondition()
      condition.and("s.spiffe_id = ?", [.text(agent.description)])
      return try transaction.selectNodeSelectors(condition)[agent.description] ?? []
    }
  }

  package func listNodeSelectors(
    validAt time: Int64?, consistency: ReadConsistency
  ) async throws(DatastoreError) -> [SPIFFEID: [Selector]] {
    try await read(["node", "selectors", "list"], consistency) { (transaction) throws(DatastoreError) in
      var condition = SQLCondition()
      if let time {
        condition.and(
          "s.spiffe_id IN (SELECT spiffe_id FROM attested_node_entries WHERE expires_at > ?)",
          [.time(SQLTime(seconds: time))])
      }
      var result: [SPIFFEID: [Selector]] = [:]
      for (text, selectors) in try transaction.selectNodeSelectors(condition) {
        do throws(SPIFFEIDError) {
          result[try SPIFFEID(text)] = selectors
        } catch {
          transaction.logger.error(
            "Skipping selectors of an agent", metadata: ["spiffe_id": "\(text)", "error": "\(error)"])
        }
      }
      return result
    }
  }
}
