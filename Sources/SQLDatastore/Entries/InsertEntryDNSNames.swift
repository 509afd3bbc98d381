import DatastoreAPI

extension SQLTransaction {
  func insertEntryDNSNames(_ names: [String], entry rowID: Int64, at now: SQLValue) throws(DatastoreError) {
    try insertAll(
      "INSERT INTO dns_names (created_at, updated_at, registered_entry_id, value) VALUES ",
      names.map { [now, now, .integer(rowID), .text($0)] })
  }
}
