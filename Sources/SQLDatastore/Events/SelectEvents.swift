import DatastoreAPI

extension EventTable {
  /// The column that says what changed.
  var keyColumn: String {
    switch self {
    case .entries: "entry_id"
    case .agents: "spiffe_id"
    }
  }
}

extension SQLTransaction {
  /// The events that fulfil `condition`, by ID.
  func selectEvents(
    _ table: EventTable, _ condition: SQLCondition, limit: Int? = nil
  ) throws(DatastoreError) -> [EventRow] {
    let tail = limit.map { [SQLValue.integer(Int64($0))] } ?? []
    return try all(
      "SELECT id, \(table.keyColumn) FROM \(table.rawValue)\(condition.clause) ORDER BY id\(limit == nil ? "" : " LIMIT ?")",
      condition.arguments + tail
    ) { (row: any SQLRow) throws(DatastoreError) in EventRow(id: row.integer(0), key: row.text(1)) }
  }
}
