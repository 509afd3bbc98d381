import DatastoreAPI

extension SQLTransaction {
  /// Notes that an entry changed, in the table of events and for this process.
  func insertEntryEvent(_ entryID: String) throws(DatastoreError) {
    let now = self.now
    let id = try insert(
      "INSERT INTO registered_entries_events (created_at, updated_at, entry_id) VALUES (?, ?, ?)",
      [now, now, .text(entryID)])
    changes.entryEvents.append(EntryEvent(id: id, entryID: entryID))
  }
}
