import DatastoreAPI

extension SQLTransaction {
  func deleteCAJournal(_ id: Int64) throws(DatastoreError) {
    try post("DELETE FROM ca_journals WHERE id = ?", [.integer(id)])
  }
}
