import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func insertEntrySelectors(_ selectors: [Selector], entry rowID: Int64, at now: SQLValue) throws(DatastoreError) {
    try insertAll(
      "INSERT INTO selectors (created_at, updated_at, registered_entry_id, type, value) VALUES ",
      selectors.map { [now, now, .integer(rowID), .text($0.type), .text($0.value)] })
  }
}
