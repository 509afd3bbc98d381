import DatastoreAPI

extension SQLTransaction {
  /// Notes that an entry changed, in the table of events, and what is stored now, for this process.
  func insertEntryEvent(_ entryID: String, _ image: TransactionLog.EntryImage) throws(DatastoreError) {
    let now = self.now
    let id = try insert(
      into: "registered_entries_events", "created_at, updated_at, entry_id", [now, now, .text(entryID)])
    log.entries.append((EntryEvent(id: id, entryID: entryID), image))
  }
}
