import DatastoreAPI

extension SQLTransaction {
  /// Deletes a token and says whether this call did it: the count of the statement decides, not an earlier look.
  func deleteJoinToken(_ value: String) throws(DatastoreError) -> Bool {
    try execute("DELETE FROM join_tokens WHERE token = ?", [.text(value)]) == 1
  }
}
