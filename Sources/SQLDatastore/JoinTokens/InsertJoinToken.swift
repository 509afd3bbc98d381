import DatastoreAPI

extension SQLTransaction {
  func insertJoinToken(_ token: JoinToken) throws(DatastoreError) {
    let now = self.now
    _ = try insert(
      "INSERT INTO join_tokens (created_at, updated_at, token, expiry) VALUES (?, ?, ?, ?)",
      [now, now, .text(token.value), .integer(token.expiresAt)])
  }
}
