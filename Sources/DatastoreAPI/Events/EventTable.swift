/// The tables of events, by their names.
package enum EventTable: String, Sendable, CaseIterable {
  case entries = "registered_entries_events"
  case agents = "attested_node_entries_events"
}
