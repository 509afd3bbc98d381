import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// The selectors of agents in the order of their rows, by agent.
  func selectNodeSelectors(_ condition: SQLCondition) throws(DatastoreError) -> [String: [Selector]] {
    var result: [String: [Selector]] = [:]
    let sql = "SELECT s.spiffe_id, s.type, s.value FROM node_resolver_map_entries s\(condition.clause) ORDER BY s.id"
    try connection.query(sql, condition.arguments) { (row: any SQLRow) throws(DatastoreError) in
      result[row.text(0), default: []].append(Selector(type: row.text(1), value: row.text(2)))
    }
    return result
  }
}
