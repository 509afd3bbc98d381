import DatastoreAPI
import Logging

extension SQLTransaction {
  /// The rows of `registered_entries` (`e`) that fulfil `condition`, with all that belongs to them, by row ID.
  ///
  /// A row that cannot be read is logged and left out: it must not keep the others from their workloads.
  /// - Parameter lock: whether the rows are changed in this transaction.
  /// - Returns: The rows, and the ID of the last row seen.
  func selectEntries(
    _ condition: SQLCondition, limit: String = "", limitArguments: [SQLValue] = [], lock: Bool = false
  ) throws(DatastoreError) -> (rows: [EntryRow], last: Int64?) {
    let sql =
      "SELECT \(EntryRow.columns(schema)) FROM registered_entries e\(condition.clause) ORDER BY e.id\(limit)"
      + (lock ? dialect.lockRow : "")
    var rows: [EntryRow] = []
    var last: Int64?
    try connection.query(sql, condition.arguments + limitArguments) { (row: any SQLRow) throws(DatastoreError) in
      last = row.integer(0)
      do throws(DatastoreError) {
        rows.append(try EntryRow(row))
      } catch {
        logger.error("Skipping registration entry", metadata: ["error": "\(error)"])
      }
    }
    try fill(&rows, wholeTable: condition.isEmpty && limit.isEmpty)
    return (rows, last)
  }

  /// Reads the selectors, DNS names and federated trust domains of rows.
  private func fill(_ rows: inout [EntryRow], wholeTable: Bool) throws(DatastoreError) {
    if rows.isEmpty { return }
    if wholeTable, rows.count > SQLText.longestList { return try fill(&rows, rows.indices, "", []) }
    var start = 0
    for list in SQLText.lists(rows.map { .integer($0.rowID) }) {
      let part = start..<min(start + SQLText.longestList, rows.count)
      try fill(&rows, part, " WHERE registered_entry_id IN \(SQLText.list(list.count))", list)
      start = part.upperBound
    }
  }

  /// The same for the rows in `part`, which the clause names.
  private func fill(
    _ rows: inout [EntryRow], _ part: Range<Int>, _ clause: String, _ arguments: [SQLValue]
  ) throws(DatastoreError) {
    var cursor = EntryCursor(rows[part])
    try selectEntrySelectors(clause, arguments) { id, selector in
      cursor.at(id).map { rows[$0].entry.selectors.append(selector) }
    }
    try selectEntryDNSNames(clause, arguments) { id, name in
      cursor.at(id).map { rows[$0].entry.dnsNames.append(name) }
    }
    try selectEntryFederation(clause, arguments) { id, trustDomain in
      cursor.at(id).map { rows[$0].entry.federatesWith.append(trustDomain) }
    }
  }
}

/// Finds rows by ID. Quick for IDs that come in order, as those of the selectors do.
private struct EntryCursor {
  private let indices: [Int64: Int]
  private var last: (id: Int64, index: Int?)?

  init(_ rows: ArraySlice<EntryRow>) {
    indices = Dictionary(rows.indices.lazy.map { (rows[$0].rowID, $0) }, uniquingKeysWith: { first, _ in first })
  }

  mutating func at(_ id: Int64) -> Int? {
    if let last, last.id == id { return last.index }
    let index = indices[id]
    last = (id, index)
    return index
  }
}
