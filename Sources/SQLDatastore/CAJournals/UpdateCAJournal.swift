import DatastoreAPI

extension SQLTransaction {
  /// Says whether there was a journal of this ID.
  func updateCAJournal(_ journal: CAJournal) throws(DatastoreError) -> Bool {
    try execute(
      "UPDATE ca_journals SET updated_at = ?, data = ?, active_x509_authority_id = ? WHERE id = ?",
      [now, .blob(journal.data), .text(journal.activeX509AuthorityID), .integer(journal.id)]) == 1
  }
}
