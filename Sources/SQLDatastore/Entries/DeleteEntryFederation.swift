import DatastoreAPI

extension SQLTransaction {
  func deleteEntryFederation(entry rowID: Int64) throws(DatastoreError) {
    try post("DELETE FROM federated_registration_entries WHERE registered_entry_id = ?", [.integer(rowID)])
  }
}
