import DatastoreAPI
import Logging
import SPIFFE

extension SQLTransaction {
  /// A row that names no SPIFFE ID is logged and left out.
  func selectAgentEvents(_ condition: SQLCondition) throws(DatastoreError) -> [AgentEvent] {
    try all(
      "SELECT id, spiffe_id FROM attested_node_entries_events\(condition.clause) ORDER BY id", condition.arguments
    ) { (row: any SQLRow) throws(DatastoreError) -> AgentEvent? in
      do throws(SPIFFEIDError) {
        return AgentEvent(id: row.integer(0), agentID: try SPIFFEID(row.text(1)))
      } catch {
        logger.error("Skipping agent event", metadata: ["spiffe_id": "\(row.text(1))", "error": "\(error)"])
        return nil
      }
    }.compactMap { $0 }
  }
}
