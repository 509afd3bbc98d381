/// One update of an entry: the row of `entry.id` gets the fields in `mask`.
package struct EntryUpdate: Hashable, Sendable {
  package var entry: RegistrationEntry
  package var mask: RegistrationEntryMask

  package init(_ entry: RegistrationEntry, mask: RegistrationEntryMask = .all) {
    self.entry = entry
    self.mask = mask
  }
}
