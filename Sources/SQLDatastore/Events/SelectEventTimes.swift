import DatastoreAPI

extension SQLTransaction {
  /// The newest `limit` events before `id`, from the greatest ID down, with when they were made.
  func selectEventTimes(
    _ table: EventTable, before id: Int64, limit: Int
  ) throws(DatastoreError) -> [(row: EventRow, madeAt: SQLTime?)] {
    try all(
      "SELECT id, \(table.keyColumn), created_at FROM \(table.rawValue) WHERE id < ? ORDER BY id DESC LIMIT ?",
      [.integer(id), .integer(Int64(limit))]
    ) { (row: any SQLRow) throws(DatastoreError) in
      (EventRow(id: row.integer(0), key: row.text(1)), row.time(2))
    }
  }

  /// The IDs of at most `limit` events that were made before `time`.
  func selectEventIDs(_ table: EventTable, before time: SQLTime, limit: Int) throws(DatastoreError) -> [Int64] {
    try all(
      "SELECT id FROM \(table.rawValue) WHERE created_at < ? ORDER BY id LIMIT ?",
      [.time(time), .integer(Int64(limit))]
    ) { (row: any SQLRow) throws(DatastoreError) in row.integer(0) }
  }
}
