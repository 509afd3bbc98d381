import DatastoreAPI

extension SQLTransaction {
  func selectJoinToken(_ value: String) throws(DatastoreError) -> JoinToken? {
    try first("SELECT token, expiry FROM join_tokens WHERE token = ?", [.text(value)]) {
      (row: any SQLRow) throws(DatastoreError) in JoinToken(value: row.text(0), expiresAt: row.integer(1))
    }
  }
}
