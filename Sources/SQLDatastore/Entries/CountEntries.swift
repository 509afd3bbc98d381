import DatastoreAPI

extension SQLTransaction {
  func countEntries(_ condition: SQLCondition) throws(DatastoreError) -> Int {
    try count("SELECT COUNT(*) FROM registered_entries e\(condition.clause)", condition.arguments)
  }
}
