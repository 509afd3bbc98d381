package import DatastoreAPI

extension SQLDatastore: JoinTokenStore {
  package func createJoinToken(_ token: JoinToken) async throws(DatastoreError) {
    try await write(["join_token", "create"]) { (transaction) throws(DatastoreError) in
      guard !token.value.isEmpty, token.expiresAt != 0 else {
        throw .sql(.invalidArgument, "token and expiry are required")
      }
      try transaction.insertJoinToken(token)
    }
  }

  package func fetchJoinToken(_ value: String) async throws(DatastoreError) -> JoinToken? {
    try await read(["join_token", "fetch"]) { (transaction) throws(DatastoreError) in
      try transaction.selectJoinToken(value)
    }
  }

  package func consumeJoinToken(_ value: String) async throws(DatastoreError) -> JoinToken? {
    try await write(["join_token", "delete"]) { (transaction) throws(DatastoreError) in
      guard let token = try transaction.selectJoinToken(value) else { return nil }
      return try transaction.deleteJoinToken(value) ? token : nil
    }
  }

  package func deleteJoinToken(_ value: String) async throws(DatastoreError) {
    try await write(["join_token", "delete"]) { (transaction) throws(DatastoreError) in
      guard try transaction.deleteJoinToken(value) else { throw .recordNotFound }
    }
  }

  package func pruneJoinTokens(expiredBefore time: Int64) async throws(DatastoreError) -> Int {
    try await pruneInBatches { () throws(DatastoreError) in
      try await write(["join_token", "prune"]) { (transaction) throws(DatastoreError) in
        try transaction.deleteJoinTokens(expiredBefore: time, limit: Self.pruneBatch)
      }
    }
  }
}
