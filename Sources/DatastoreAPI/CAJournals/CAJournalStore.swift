/// CA journals, one row per server instance.
package protocol CAJournalStore: Sendable {
  /// Creates (id 0) or replaces a journal and returns it with its ID.
  func setCAJournal(_ journal: CAJournal) async throws(DatastoreError) -> CAJournal
  func fetchCAJournal(activeX509AuthorityID: String) async throws(DatastoreError) -> CAJournal?
  func listCAJournals() async throws(DatastoreError) -> [CAJournal]
  /// Deletes the journal of this row, if it is there.
  func deleteCAJournal(id: Int64) async throws(DatastoreError)
  /// Deletes the journals all of whose authorities ended before `time` (Unix seconds), in small transactions, and
  /// returns how many.
  func pruneCAJournals(allExpiredBefore time: Int64) async throws(DatastoreError) -> Int
}
