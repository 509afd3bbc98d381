/// A row of the event table: the entry of `entryID` was created, updated or deleted.
package struct EntryEvent: Hashable, Sendable {
  /// Grows with each event; a smaller ID may become visible later than a greater one.
  package var id: Int64
  package var entryID: String

  package init(id: Int64, entryID: String) {
    self.id = id
    self.entryID = entryID
  }
}
