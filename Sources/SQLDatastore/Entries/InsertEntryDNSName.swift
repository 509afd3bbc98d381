import DatastoreAPI

extension SQLTransaction {
  func insertEntryDNSName(_ name: String, entry rowID: Int64, at now: SQLValue) throws(DatastoreError) {
    _ = try insert(
      "INSERT INTO dns_names (created_at, updated_at, registered_entry_id, value) VALUES (?, ?, ?, ?)",
      [now, now, .integer(rowID), .text(name)])
  }
}
