import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func insertEntrySelector(_ selector: Selector, entry rowID: Int64, at now: SQLValue) throws(DatastoreError) {
    _ = try insert(
      "INSERT INTO selectors (created_at, updated_at, registered_entry_id, type, value) VALUES (?, ?, ?, ?, ?)",
      [now, now, .integer(rowID), .text(selector.type), .text(selector.value)])
  }
}
