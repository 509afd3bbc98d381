import DatastoreAPI
import SPIFFE

extension SQLTransaction {
  /// The oldest entry with the SPIFFE ID, parent ID and set of selectors of `entry`.
  func selectSimilarEntry(to entry: RegistrationEntry) throws(DatastoreError) -> RegistrationEntry? {
    if known.isAbsent(entry.spiffeID, entry.parentID) { return nil }
    // COALESCE keeps the planner off the parent's index: a parent may have thousands of entries, a SPIFFE ID has few.
    let candidates = try all(
      "SELECT e.id FROM registered_entries e WHERE e.spiffe_id = ? AND COALESCE(e.parent_id, '') = ? ORDER BY e.id",
      [.text(entry.spiffeID.description), .text(entry.parentID.description)]
    ) { (row: any SQLRow) throws(DatastoreError) in row.integer(0) }
    let wanted = Set(entry.selectors)
    for list in SQLText.lists(candidates.map { .integer($0) }) {
      var found: [Int64: Set<Selector>] = [:]
      try selectEntrySelectors(" WHERE registered_entry_id IN \(SQLText.list(list.count))", list) { id, selector in
        found[id, default: []].insert(selector)
      }
      guard let match = found.filter({ $0.value == wanted }).keys.min() else { continue }
      var condition = SQLCondition()
      condition.and("e.id = ?", [.integer(match)])
      return try selectEntries(condition).rows.first?.entry
    }
    return nil
  }

  /// Finds out for a batch which of its entries can resemble none that is stored: one query in place of one for each.
  func findSimilarEntries(to entries: [RegistrationEntry]) throws(DatastoreError) {
    var present: [String: Set<String>] = [:]
    for list in SQLText.lists(Set(entries.map(\.spiffeID)).map { .text($0.description) }) {
      let parents = SQLText.lists(Set(entries.map(\.parentID)).map { .text($0.description) })
      // With many parents, those that no item has are left in; that costs an item one query at most.
      let filter = parents.count == 1 ? " AND COALESCE(e.parent_id, '') IN \(SQLText.list(parents[0].count))" : ""
      let rows = try all(
        """
        SELECT e.spiffe_id, e.parent_id FROM registered_entries e \
        WHERE e.spiffe_id IN \(SQLText.list(list.count))\(filter)
        """, list + (parents.count == 1 ? parents[0] : [])
      ) { (row: any SQLRow) throws(DatastoreError) in (row.text(0), row.text(1)) }
      for (spiffeID, parentID) in rows { present[spiffeID, default: []].insert(parentID) }
    }
    for entry in entries
    where present[entry.spiffeID.description]?.contains(entry.parentID.description) != true {
      known.noteAbsent(entry.spiffeID, entry.parentID)
    }
  }
}
