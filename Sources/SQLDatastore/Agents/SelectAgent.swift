import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func selectAgent(_ id: SPIFFEID, lock: Bool = false) throws(DatastoreError) -> AgentRow? {
    var condition = SQLCondition()
    condition.and("n.spiffe_id = ?", [.text(id.description)])
    return try selectAgents(condition, lock: lock).rows.first
  }
}
