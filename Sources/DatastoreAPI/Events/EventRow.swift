/// A row of an event table as it is stored: `key` is the ID of an entry, or the SPIFFE ID of an agent.
package struct EventRow: Hashable, Sendable {
  /// Grows with each event; a smaller ID may become visible later than a greater one.
  package var id: Int64
  package var key: String

  package init(id: Int64, key: String) {
    self.id = id
    self.key = key
  }
}
