/// Registration entries. A batch is one transaction in which each item stands or falls on its own.
package protocol EntryStore: Sendable {
  /// Creates entries, one result per item, in order. An entry that is similar to one that is there is not created.
  func createEntries(
    _ entries: [RegistrationEntry]
  ) async throws(DatastoreError) -> [Result<CreatedEntry, DatastoreError>]

  /// Goes through ``createEntries(_:)`` and takes everything back: the results are the ones it would have had. Nothing is
  /// stored and nobody hears of it.
  func rehearseCreation(
    of entries: [RegistrationEntry]
  ) async throws(DatastoreError) -> [Result<CreatedEntry, DatastoreError>]

  /// Goes through ``updateEntries(_:)`` and takes everything back, as ``rehearseCreation(of:)`` does.
  func rehearseUpdates(
    _ updates: [EntryUpdate]
  ) async throws(DatastoreError) -> [Result<RegistrationEntry, DatastoreError>]

  /// The entries of these IDs, in the order of their rows; IDs that do not exist are left out.
  func fetchEntries(ids: [String]) async throws(DatastoreError) -> [RegistrationEntry]

  /// The entries that pass `filter`, in the order of their rows.
  ///
  /// A page may hold fewer than its size; only an empty token says that it was the last.
  func listEntries(_ filter: EntryFilter, page: Page?) async throws(DatastoreError) -> Listing<RegistrationEntry>

  /// How many entries pass `filter`.
  func countEntries(_ filter: EntryFilter) async throws(DatastoreError) -> Int

  /// Updates entries, one result per item, in order: the entry as stored now, or ``DatastoreError/Code/notFound``.
  func updateEntries(_ updates: [EntryUpdate]) async throws(DatastoreError) -> [Result<
    RegistrationEntry, DatastoreError
  >]

  /// Deletes entries, one result per item, in order: the entry that was deleted, or ``DatastoreError/Code/notFound``.
  func deleteEntries(ids: [String]) async throws(DatastoreError) -> [Result<RegistrationEntry, DatastoreError>]

  /// Deletes at most `limit` entries that expired before `time` (Unix seconds) and returns them.
  func pruneEntries(expiredBefore time: Int64, limit: Int) async throws(DatastoreError) -> [RegistrationEntry]
}

extension EntryStore {
  package func createEntry(_ entry: RegistrationEntry) async throws(DatastoreError) -> CreatedEntry {
    try await single(createEntries([entry]))
  }

  package func fetchEntry(id: String) async throws(DatastoreError) -> RegistrationEntry? {
    try await fetchEntries(ids: [id]).first
  }

  package func listEntries(_ filter: EntryFilter = .all) async throws(DatastoreError) -> [RegistrationEntry] {
    try await listEntries(filter, page: nil).items
  }

  package func countEntries() async throws(DatastoreError) -> Int { try await countEntries(.all) }

  package func updateEntry(
    _ entry: RegistrationEntry, mask: RegistrationEntryMask = .all
  ) async throws(DatastoreError) -> RegistrationEntry {
    try await single(updateEntries([EntryUpdate(entry, mask: mask)]))
  }

  @discardableResult
  package func deleteEntry(id: String) async throws(DatastoreError) -> RegistrationEntry {
    try await single(deleteEntries(ids: [id]))
  }

  private func single<T>(_ results: [Result<T, DatastoreError>]) throws(DatastoreError) -> T {
    guard results.count == 1 else {
      throw DatastoreError(.internal, "a batch of one entry gave \(results.count) results")
    }
    return try results[0].get()
  }
}
