import DatastoreAPI
import SPIFFE

extension AgentFilter {
  /// The condition on `attested_node_entries n`.
  func condition() throws(DatastoreError) -> SQLCondition {
    var condition = SQLCondition()
    if let expiresBefore { condition.and("n.expires_at < ?", [.time(SQLTime(seconds: expiresBefore))]) }
    if let validAt { condition.and("n.expires_at > ?", [.time(SQLTime(seconds: validAt))]) }
    if let attestationType { condition.and("n.data_type = ?", [.text(attestationType)]) }
    if let banned { condition.and("n.serial_number \(banned ? "=" : "<>") ''", []) }
    if let canReattest { condition.and("n.can_reattest = ?", [.bool(canReattest)]) }
    if let selectors {
      try condition.matchSelectors(
        selectors, table: "node_resolver_map_entries", key: "spiffe_id", column: "n.spiffe_id")
    }
    return condition
  }
}
