import DatastoreAPI

extension SQLTransaction {
  func insertCAJournal(_ journal: CAJournal) throws(DatastoreError) -> Int64 {
    let now = self.now
    // SPIRE: `active_jwt_authority_id` is never filled.
    return try insert(
      """
      INSERT INTO ca_journals (created_at, updated_at, data, active_x509_authority_id, active_jwt_authority_id) \
      VALUES (?, ?, ?, ?, '')
      """, [now, now, .blob(journal.data), .text(journal.activeX509AuthorityID)])
  }
}
