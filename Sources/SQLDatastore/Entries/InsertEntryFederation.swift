import DatastoreAPI

extension SQLTransaction {
  func insertEntryFederation(bundle bundleID: Int64, entry rowID: Int64) throws(DatastoreError) {
    try post(
      "INSERT INTO federated_registration_entries (bundle_id, registered_entry_id) VALUES (?, ?)",
      [.integer(bundleID), .integer(rowID)])
  }
}
