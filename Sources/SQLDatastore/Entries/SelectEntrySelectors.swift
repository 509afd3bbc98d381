import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// The selectors of entries, by entry and then in the order in which they were stored.
  func selectEntrySelectors(
    _ clause: String, _ arguments: [SQLValue], _ body: (Int64, Selector) -> Void
  ) throws(DatastoreError) {
    let sql = "SELECT registered_entry_id, type, value FROM selectors\(clause) ORDER BY registered_entry_id, id"
    try connection.query(sql, arguments) { (row: any SQLRow) throws(DatastoreError) in
      body(row.integer(0), Selector(type: row.text(1), value: row.text(2)))
    }
  }
}
