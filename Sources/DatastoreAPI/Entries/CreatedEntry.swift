/// The outcome of creating an entry.
package struct CreatedEntry: Hashable, Sendable {
  /// The new entry, or the similar one that was there.
  package var entry: RegistrationEntry
  /// Whether an entry with the same SPIFFE ID, parent ID and set of selectors was there, so that none was made.
  package var existing: Bool

  package init(entry: RegistrationEntry, existing: Bool) {
    self.entry = entry
    self.existing = existing
  }
}
