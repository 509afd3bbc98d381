import DatastoreAPI

extension SQLTransaction {
  func selectCAJournals(_ condition: SQLCondition) throws(DatastoreError) -> [CAJournal] {
    try all(
      "SELECT id, data, active_x509_authority_id FROM ca_journals\(condition.clause) ORDER BY id",
      condition.arguments
    ) { (row: any SQLRow) throws(DatastoreError) in
      CAJournal(id: row.integer(0), data: row.blob(1), activeX509AuthorityID: row.text(2))
    }
  }
}
