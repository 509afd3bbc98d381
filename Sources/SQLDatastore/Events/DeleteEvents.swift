import DatastoreAPI

extension SQLTransaction {
  /// Deletes events by their IDs and returns how many there were. By ID, so that no engine locks more than these rows.
  func deleteEvents(_ table: EventTable, _ ids: [Int64]) throws(DatastoreError) -> Int {
    var count = 0
    for list in SQLText.lists(ids.map { .integer($0) }) {
      count += try execute("DELETE FROM \(table.rawValue) WHERE id IN \(SQLText.list(list.count))", list)
    }
    return count
  }
}
