import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// The newest events and the marks of the bundles: two steps down a primary key each, and a table of a few rows.
  private static let headsQuery = """
    SELECT 1, e.id, e.entry_id, e.created_at, 0 FROM \
    (SELECT id, entry_id, created_at FROM registered_entries_events ORDER BY id DESC LIMIT 1) e UNION ALL \
    SELECT 2, a.id, a.spiffe_id, a.created_at, 0 FROM \
    (SELECT id, spiffe_id, created_at FROM attested_node_entries_events ORDER BY id DESC LIMIT 1) a UNION ALL \
    SELECT 3, b.id, b.trust_domain, b.updated_at, LENGTH(b.data) FROM bundles b
    """

  func selectEventHeads() throws(DatastoreError) -> EventHeads {
    var heads = EventHeads()
    try connection.query(Self.headsQuery, []) { (row: any SQLRow) throws(DatastoreError) in
      switch row.integer(0) {
      case 1: heads.newest[.entries] = EventRow(id: row.integer(1), key: row.text(2))
      case 2: heads.newest[.agents] = EventRow(id: row.integer(1), key: row.text(2))
      default:
        // A row that names no trust domain is nobody's bundle; lists of bundles log it.
        guard let domain = try? TrustDomain(row.text(2)) else { return }
        let time = row.time(3)
        heads.bundles[domain] = BundleMark(
          rowID: row.integer(1), updatedAt: time?.seconds ?? 0, nanoseconds: time?.nanoseconds ?? 0,
          size: row.integer(4))
      }
    }
    return heads
  }
}
