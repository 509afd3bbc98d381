import DatastoreAPI

extension SQLTransaction {
  /// The DNS names of entries, by entry and then in the order in which they were stored.
  func selectEntryDNSNames(
    _ clause: String, _ arguments: [SQLValue], _ body: (Int64, String) -> Void
  ) throws(DatastoreError) {
    let sql = "SELECT registered_entry_id, value FROM dns_names\(clause) ORDER BY registered_entry_id, id"
    try connection.query(sql, arguments) { (row: any SQLRow) throws(DatastoreError) in
      body(row.integer(0), row.text(1))
    }
  }
}
