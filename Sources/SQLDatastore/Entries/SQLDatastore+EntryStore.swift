package import DatastoreAPI

extension SQLDatastore: EntryStore {
  package func createEntries(
    _ entries: [RegistrationEntry]
  ) async throws(DatastoreError) -> [Result<CreatedEntry, DatastoreError>] {
    try await writeBatch(
      ["registration_entry", "create"], entries,
      preparation: { (transaction) throws(DatastoreError) in try transaction.prepareCreation(of: entries) }
    ) {
      (transaction, entry) throws(DatastoreError) in try transaction.createEntry(entry)
    }
  }

  package func rehearseCreation(
    of entries: [RegistrationEntry]
  ) async throws(DatastoreError) -> [Result<CreatedEntry, DatastoreError>] {
    try await rehearseBatch(["registration_entry", "rehearse"], entries) {
      (transaction, entry) throws(DatastoreError) in try transaction.createEntry(entry)
    }
  }

  package func rehearseUpdates(
    _ updates: [EntryUpdate]
  ) async throws(DatastoreError) -> [Result<RegistrationEntry, DatastoreError>] {
    try await rehearseBatch(["registration_entry", "rehearse"], updates) {
      (transaction, update) throws(DatastoreError) in try transaction.updateEntry(update)
    }
  }

  package func fetchEntries(ids: [String]) async throws(DatastoreError) -> [RegistrationEntry] {
    if ids.isEmpty { return [] }
    return try await read(["registration_entry", "fetch"]) { (transaction) throws(DatastoreError) in
      var rows: [EntryRow] = []
      for list in SQLText.lists(Set(ids).map { .text($0) }) {
        var condition = SQLCondition()
        condition.and("e.entry_id IN \(SQLText.list(list.count))", list)
        rows += try transaction.selectEntries(condition).rows
      }
      return rows.sorted { $0.rowID < $1.rowID }.map(\.entry)
    }
  }

  package func listEntries(
    _ filter: EntryFilter, page: Page?
  ) async throws(DatastoreError) -> Listing<RegistrationEntry> {
    try await read(["registration_entry", "list"], filter.consistency) { (transaction) throws(DatastoreError) in
      var condition = try filter.condition()
      let reader = try PageReader(page, column: "e.id", condition: &condition)
      let (rows, last) = try transaction.selectEntries(
        condition, limit: reader.limit, limitArguments: reader.limitArguments)
      return Listing(rows.map(\.entry), nextToken: reader.token(lastRow: last))
    }
  }

  package func countEntries(_ filter: EntryFilter) async throws(DatastoreError) -> Int {
    try await read(["registration_entry", "count"], filter.consistency) { (transaction) throws(DatastoreError) in
      try transaction.countEntries(filter.condition())
    }
  }

  package func updateEntries(
    _ updates: [EntryUpdate]
  ) async throws(DatastoreError) -> [Result<RegistrationEntry, DatastoreError>] {
    try await writeBatch(["registration_entry", "update"], updates) {
      (transaction, update) throws(DatastoreError) in try transaction.updateEntry(update)
    }
  }

  package func deleteEntries(
    ids: [String]
  ) async throws(DatastoreError) -> [Result<RegistrationEntry, DatastoreError>] {
    try await writeBatch(["registration_entry", "delete"], ids) {
      (transaction, id) throws(DatastoreError) in try transaction.deleteEntry(id: id)
    }
  }

  package func pruneEntries(
    expiredBefore time: Int64, limit: Int
  ) async throws(DatastoreError) -> [RegistrationEntry] {
    try await write(["registration_entry", "prune"]) { (transaction) throws(DatastoreError) in
      var condition = SQLCondition()
      condition.and("e.expiry <> 0 AND e.expiry < ?", [.integer(time)])
      // Locked, so that an entry whose life is made longer at this moment stays.
      let rows = try transaction.selectEntries(
        condition, limit: " LIMIT ?" + transaction.dialect.lockRow, limitArguments: [.integer(Int64(max(limit, 0)))]
      ).rows
      for row in rows { try transaction.deleteEntry(row) }
      return rows.map(\.entry)
    }
  }
}
