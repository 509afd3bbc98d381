import DatastoreAPI

extension SQLTransaction {
  /// Deletes an entry with all that belongs to it, and notes the event.
  func deleteEntry(_ row: EntryRow) throws(DatastoreError) {
    try deleteEntryFederation(entry: row.rowID)
    try deleteEntrySelectors(entry: row.rowID)
    try deleteEntryDNSNames(entry: row.rowID)
    try post("DELETE FROM registered_entries WHERE id = ?", [.integer(row.rowID)])
    try insertEntryEvent(row.entry.id, .gone)
  }
}
