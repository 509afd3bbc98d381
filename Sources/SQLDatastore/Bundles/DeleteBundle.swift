import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  func deleteBundle(of trustDomain: TrustDomain, mode: BundleDeletionMode) throws(DatastoreError) {
    // The row is looked up without its data: a damaged bundle can be deleted too.
    guard let bundle = try federatedBundle(of: trustDomain) else { throw .recordNotFound }
    var condition = SQLCondition()
    condition.and(
      "e.id IN (SELECT registered_entry_id FROM federated_registration_entries WHERE bundle_id = ?)",
      [.integer(bundle)])
    let rows = try selectEntries(condition).rows
    switch mode {
    case .restrict:
      guard rows.isEmpty else {
        throw .sql(
          .failedPrecondition, "cannot delete bundle; federated with \(rows.count) registration entries")
      }
    case .delete:
      for row in rows { try deleteEntry(row) }
    case .dissociate:
      for row in rows { try insertEntryEvent(row.entry.id, .unread) }
    }
    try post("DELETE FROM federated_registration_entries WHERE bundle_id = ?", [.integer(bundle)])
    try post("DELETE FROM bundles WHERE id = ?", [.integer(bundle)])
    log.bundles.append(trustDomain)
  }

  private func federatedBundle(of trustDomain: TrustDomain) throws(DatastoreError) -> Int64? {
    try first("SELECT id FROM bundles WHERE trust_domain = ?\(dialect.lockRow)", [.text(trustDomain.idString)]) {
      (row: any SQLRow) throws(DatastoreError) in row.integer(0)
    }
  }
}
