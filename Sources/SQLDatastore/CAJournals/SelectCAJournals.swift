import DatastoreAPI

extension SQLTransaction {
  /// The journals that fulfil `condition`, by row ID; to be changed in this transaction when `lock`.
  func selectCAJournals(_ condition: SQLCondition, lock: Bool = false) throws(DatastoreError) -> [CAJournal] {
    try selectCAJournals(condition, lock ? dialect.lockRow : "", [])
  }

  /// At most `limit` journals with row IDs greater than `id`.
  func selectCAJournals(after id: Int64, limit: Int) throws(DatastoreError) -> [CAJournal] {
    var condition = SQLCondition()
    condition.and("id > ?", [.integer(id)])
    return try selectCAJournals(condition, " LIMIT ?", [.integer(Int64(limit))])
  }

  private func selectCAJournals(
    _ condition: SQLCondition, _ tail: String, _ arguments: [SQLValue]
  ) throws(DatastoreError) -> [CAJournal] {
    try all(
      "SELECT id, data, active_x509_authority_id FROM ca_journals\(condition.clause) ORDER BY id\(tail)",
      condition.arguments + arguments
    ) { (row: any SQLRow) throws(DatastoreError) in
      CAJournal(id: row.integer(0), data: row.blob(1), activeX509AuthorityID: row.text(2))
    }
  }
}
