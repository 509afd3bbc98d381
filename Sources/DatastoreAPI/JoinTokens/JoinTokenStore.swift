/// Join tokens.
package protocol JoinTokenStore: Sendable {
  func createJoinToken(_ token: JoinToken) async throws(DatastoreError)
  func fetchJoinToken(_ value: String) async throws(DatastoreError) -> JoinToken?
  /// Deletes a token and returns it. Of any number of concurrent callers exactly one gets it; the others get `nil`.
  /// The caller checks whether it has expired.
  func consumeJoinToken(_ value: String) async throws(DatastoreError) -> JoinToken?
  /// Deletes a token; ``DatastoreError/Code/notFound`` when it is not there.
  func deleteJoinToken(_ value: String) async throws(DatastoreError)
  /// Deletes the tokens that expired before `time` (Unix seconds), in small transactions, and returns how many.
  func pruneJoinTokens(expiredBefore time: Int64) async throws(DatastoreError) -> Int
}
