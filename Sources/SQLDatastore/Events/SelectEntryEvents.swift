import DatastoreAPI

extension SQLTransaction {
  func selectEntryEvents(_ condition: SQLCondition) throws(DatastoreError) -> [EntryEvent] {
    try all(
      "SELECT id, entry_id FROM registered_entries_events\(condition.clause) ORDER BY id", condition.arguments
    ) { (row: any SQLRow) throws(DatastoreError) in EntryEvent(id: row.integer(0), entryID: row.text(1)) }
  }
}
