import DatastoreAPI

extension SQLTransaction {
  /// Deletes at most `limit` tokens that expired before `time`.
  func deleteJoinTokens(expiredBefore time: Int64, limit: Int) throws(DatastoreError) -> Int {
    let ids = try all(
      "SELECT id FROM join_tokens WHERE expiry < ? ORDER BY id LIMIT ?", [.integer(time), .integer(Int64(limit))]
    ) { (row: any SQLRow) throws(DatastoreError) in SQLValue.integer(row.integer(0)) }
    var count = 0
    for list in SQLText.lists(ids) {
      count += try execute("DELETE FROM join_tokens WHERE id IN \(SQLText.list(list.count))", list)
    }
    return count
  }
}
