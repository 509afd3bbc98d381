import DatastoreAPI

extension SQLTransaction {
  func countAgents(_ condition: SQLCondition) throws(DatastoreError) -> Int {
    try count("SELECT COUNT(*) FROM attested_node_entries n\(condition.clause)", condition.arguments)
  }
}
