import Daemon
package import DatastoreAPI
package import FoundationEssentials

extension EventTable {
  /// Under which name its reads and writes are counted (server-behaviour §10.2).
  fileprivate var metric: String {
    switch self {
    case .entries: "registration_entry_event"
    case .agents: "node_event"
    }
  }
}

extension SQLDatastore: EventStore {
  /// The most ranges that one statement looks into; one text for all numbers of ranges, so that it is prepared once.
  private static let rangesPerQuery = 16
  private static let runPage = 5000

  package func eventHeads() async throws(DatastoreError) -> EventHeads {
    let calls = EventTable.allCases.map { metrics.startCall(["datastore", $0.metric, "list"]) }
    do throws(DatastoreError) {
      let heads = try await readStatement { (transaction) throws(DatastoreError) in try transaction.selectEventHeads() }
      for call in calls { call.done() }
      return heads
    } catch {
      for call in calls { call.done(status: error.statusName) }
      throw error
    }
  }

  package func eventWriters() async throws(DatastoreError) -> [EventTable: Set<String>]? {
    try await readStatement { (transaction) throws(DatastoreError) in
      try transaction.dialect.eventWriters(in: transaction.connection)
    }
  }

  package func eventRuns(_ table: EventTable, since time: Date) async throws(DatastoreError) -> EventRuns {
    let start = SQLTime(time).seconds
    var runs = EventRuns()
    var before = Int64.max
    while true {
      let end = before
      let page = try await read([table.metric, "list"]) { (transaction) throws(DatastoreError) in
        try transaction.selectEventTimes(table, before: end, limit: Self.runPage)
      }
      if runs.newest == nil { runs.newest = page.first?.row }
      for event in page { runs.prepend(event.row.id) }
      runs.reachesStart = page.count < Self.runPage
      // A row without a time tells nothing of its age.
      let isOld = page.allSatisfy { $0.madeAt.map { $0.seconds < start } ?? false }
      guard !runs.reachesStart, !isOld, let last = page.last else { break }
      before = last.row.id
    }
    runs.finish()
    return runs
  }

  package func listEvents(
    _ table: EventTable, after id: Int64, limit: Int
  ) async throws(DatastoreError) -> [EventRow] {
    try await read([table.metric, "list"]) { (transaction) throws(DatastoreError) in
      var condition = SQLCondition()
      condition.and("id > ?", [.integer(id)])
      return try transaction.selectEvents(table, condition, limit: limit)
    }
  }

  package func fetchEvents(
    _ table: EventTable, in ranges: [ClosedRange<Int64>]
  ) async throws(DatastoreError) -> [EventRow] {
    guard let last = ranges.last else { return [] }
    return try await read([table.metric, "fetch"]) { (transaction) throws(DatastoreError) in
      var rows: [EventRow] = []
      for start in stride(from: 0, to: ranges.count, by: Self.rangesPerQuery) {
        var part = Array(ranges[start..<min(start + Self.rangesPerQuery, ranges.count)])
        part += Array(repeating: last, count: Self.rangesPerQuery - part.count)
        var condition = SQLCondition()
        condition.and(
          "(" + Array(repeating: "id BETWEEN ? AND ?", count: part.count).joined(separator: " OR ") + ")",
          part.flatMap { [.integer($0.lowerBound), .integer($0.upperBound)] })
        rows += try transaction.selectEvents(table, condition)
      }
      return rows
    }
  }

  package func pruneEvents(_ table: EventTable, before time: Date) async throws(DatastoreError) -> Int {
    let limit = SQLTime(time)
    return try await pruneInBatches { () throws(DatastoreError) in
      // Looked for where nobody is locked out by it, however long the table is.
      let ids = try await readUncounted { (transaction) throws(DatastoreError) in
        try transaction.selectEventIDs(table, before: limit, limit: Self.pruneBatch)
      }
      guard !ids.isEmpty else {
        metrics.startCall(["datastore", table.metric, "prune"]).done()
        return 0
      }
      return try await write([table.metric, "prune"]) { (transaction) throws(DatastoreError) in
        try transaction.deleteEvents(table, ids)
      }
    }
  }

  package func listenForCommits(_ hint: @escaping @Sendable () -> Void) async {
    let channel = try? await readStatement { (transaction) throws(DatastoreError) in transaction.dialect.commitChannel }
    guard let channel else { return }
    await CommitListener(channel: channel, session: listeningSession(), time: time, logger: logger).run(hint)
  }
}
