import Daemon
import DatastoreAPI
import SPIFFE

/// What the operations on entries do within a transaction.
extension SQLTransaction {
  /// What can be done for all items of a batch of creations at once.
  func prepareCreation(of entries: [RegistrationEntry]) throws(DatastoreError) {
    known = EntryKnowledge()
    guard entries.count > 1 else { return }
    try findSimilarEntries(to: entries)
    let count = entries.count { known.isAbsent($0.spiffeID, $0.parentID) }
    try reserveIDs(count, of: "registered_entries")
    try reserveIDs(count, of: "registered_entries_events")
  }

  func createEntry(_ entry: RegistrationEntry) throws(DatastoreError) -> CreatedEntry {
    try EntryValidation.checkNew(entry)
    if let similar = try selectSimilarEntry(to: entry) { return CreatedEntry(entry: similar, existing: true) }
    let time = stamp
    let now = SQLValue.time(time)
    var stored = entry
    if stored.id.isEmpty { stored.id = RandomUUID.text() }
    stored.revisionNumber = 0
    stored.createdAt = time.nearestSecond
    let bundles = try selectFederatedBundles(entry.federatesWith)
    stored.federatesWith = bundles.map(\.trustDomain)
    try EntryValidation.checkRepetition(stored, .all)
    let rowID = try insertEntry(stored, at: now)
    known.notePresent(entry.spiffeID, entry.parentID)
    try insertEntrySelectors(stored.selectors, entry: rowID, at: now)
    try insertEntryDNSNames(stored.dnsNames, entry: rowID, at: now)
    for bundle in bundles { try insertEntryFederation(bundle: bundle.rowID, entry: rowID) }
    try insertEntryEvent(stored.id, .stored(stored))
    return CreatedEntry(entry: stored, existing: false)
  }

  func updateEntry(_ update: EntryUpdate) throws(DatastoreError) -> RegistrationEntry {
    try EntryValidation.check(update)
    var row = try entryRow(id: update.entry.id)
    let now = self.now
    row.entry = row.entry.merging(update.entry, update.mask)
    row.entry.revisionNumber &+= 1
    // SPIRE: not checked when the selectors stay.
    if row.entry.storeSVID, update.mask.contains(.selectors) { try EntryValidation.checkSameType(row.entry.selectors) }
    try EntryValidation.checkRepetition(row.entry, update.mask)
    try updateEntry(row, at: now)
    if update.mask.contains(.selectors) {
      try deleteEntrySelectors(entry: row.rowID)
      try insertEntrySelectors(row.entry.selectors, entry: row.rowID, at: now)
    }
    if update.mask.contains(.dnsNames) {
      try deleteEntryDNSNames(entry: row.rowID)
      try insertEntryDNSNames(row.entry.dnsNames, entry: row.rowID, at: now)
    }
    if update.mask.contains(.federatesWith) {
      let bundles = try selectFederatedBundles(row.entry.federatesWith)
      try deleteEntryFederation(entry: row.rowID)
      for bundle in bundles { try insertEntryFederation(bundle: bundle.rowID, entry: row.rowID) }
      row.entry.federatesWith = bundles.map(\.trustDomain)
    }
    try insertEntryEvent(row.entry.id, .stored(row.entry))
    return row.entry
  }

  func deleteEntry(id: String) throws(DatastoreError) -> RegistrationEntry {
    let row = try entryRow(id: id)
    try deleteEntry(row)
    return row.entry
  }

  /// Deletes all entries that fulfil `condition`.
  func deleteEntries(_ condition: SQLCondition) throws(DatastoreError) -> [RegistrationEntry] {
    let rows = try selectEntries(condition, lock: true).rows
    for row in rows { try deleteEntry(row) }
    return rows.map(\.entry)
  }

  private func entryRow(id: String) throws(DatastoreError) -> EntryRow {
    var condition = SQLCondition()
    condition.and("e.entry_id = ?", [.text(id)])
    let (rows, last) = try selectEntries(condition, lock: true)
    if let row = rows.first { return row }
    throw last == nil ? .recordNotFound : .damagedRow("registration entry \"\(id)\"")
  }
}
