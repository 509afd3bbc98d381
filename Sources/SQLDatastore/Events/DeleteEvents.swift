import DatastoreAPI

/// The tables of events.
enum EventTable: String, Sendable {
  case entries = "registered_entries_events"
  case agents = "attested_node_entries_events"
}

extension SQLTransaction {
  /// Deletes the events made before `time` and returns how many.
  func deleteEvents(_ table: EventTable, before time: SQLTime) throws(DatastoreError) -> Int {
    try execute("DELETE FROM \(table.rawValue) WHERE created_at < ?", [.time(time)])
  }
}
