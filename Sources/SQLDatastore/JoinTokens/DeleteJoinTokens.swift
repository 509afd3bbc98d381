import DatastoreAPI

extension SQLTransaction {
  func deleteJoinTokens(expiredBefore time: Int64) throws(DatastoreError) -> Int {
    try execute("DELETE FROM join_tokens WHERE expiry < ?", [.integer(time)])
  }
}
