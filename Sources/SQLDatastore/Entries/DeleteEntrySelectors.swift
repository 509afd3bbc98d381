import DatastoreAPI

extension SQLTransaction {
  func deleteEntrySelectors(entry rowID: Int64) throws(DatastoreError) {
    try post("DELETE FROM selectors WHERE registered_entry_id = ?", [.integer(rowID)])
  }
}
