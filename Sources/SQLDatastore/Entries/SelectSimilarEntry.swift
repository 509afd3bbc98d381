import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// The oldest entry with the SPIFFE ID, parent ID and set of selectors of `entry`.
  func selectSimilarEntry(to entry: RegistrationEntry) throws(DatastoreError) -> RegistrationEntry? {
    // COALESCE keeps the planner off the parent's index: a parent may have thousands of entries, a SPIFFE ID has few.
    let sql = """
      SELECT e.id, s.type, s.value FROM registered_entries e JOIN selectors s ON s.registered_entry_id = e.id \
      WHERE e.spiffe_id = ? AND COALESCE(e.parent_id, '') = ? ORDER BY e.id
      """
    var candidates: [(rowID: Int64, selectors: Set<Selector>)] = []
    try connection.query(sql, [.text(entry.spiffeID.description), .text(entry.parentID.description)]) {
      (row: any SQLRow) throws(DatastoreError) in
      let rowID = row.integer(0)
      if candidates.last?.rowID != rowID { candidates.append((rowID, [])) }
      candidates[candidates.count - 1].selectors.insert(Selector(type: row.text(1), value: row.text(2)))
    }
    let wanted = Set(entry.selectors)
    guard let match = candidates.first(where: { $0.selectors == wanted }) else { return nil }
    var condition = SQLCondition()
    condition.and("e.id = ?", [.integer(match.rowID)])
    return try selectEntries(condition).rows.first?.entry
  }
}
