import DatastoreAPI

extension SQLTransaction {
  func deleteEntryDNSNames(entry rowID: Int64) throws(DatastoreError) {
    try post("DELETE FROM dns_names WHERE registered_entry_id = ?", [.integer(rowID)])
  }
}
