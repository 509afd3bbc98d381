package import FoundationEssentials
import SPIFFE

/// The event tables: what changed, for every server on the same database (server-behaviour §6.7).
///
/// All reads see the latest commits; none is answered by a replica.
package protocol EventStore: Sendable {
  /// What tells whether anything happened: one query, which costs the same however long the tables are.
  func eventHeads() async throws(DatastoreError) -> EventHeads

  /// Names the transactions, by table, that may have taken an event ID and have not ended. An ID that was skipped before
  /// this call and is not visible after it was taken by one of them, or by nobody who will commit it.
  ///
  /// - Returns: `nil` when the engine cannot tell.
  func eventWriters() async throws(DatastoreError) -> [EventTable: Set<String>]?

  /// Which IDs are visible, from the newest back to the first page of rows that were all made before `time`.
  func eventRuns(_ table: EventTable, since time: Date) async throws(DatastoreError) -> EventRuns

  /// At most `limit` events with IDs greater than `id`, in order.
  func listEvents(_ table: EventTable, after id: Int64, limit: Int) async throws(DatastoreError) -> [EventRow]

  /// The events within these ranges that are visible now, in order.
  func fetchEvents(_ table: EventTable, in ranges: [ClosedRange<Int64>]) async throws(DatastoreError) -> [EventRow]

  /// Deletes events made before `time`, in small transactions, and returns how many.
  func pruneEvents(_ table: EventTable, before time: Date) async throws(DatastoreError) -> Int

  /// Calls `hint` whenever another server may have committed, until the calling task is cancelled; returns at once when the
  /// engine tells nothing. A hint may be missed, and may be for nothing.
  func listenForCommits(_ hint: @escaping @Sendable () -> Void) async
}

extension EventStore {
  /// Events with IDs greater than `id`, in order.
  package func listEntryEvents(after id: Int64) async throws(DatastoreError) -> [EntryEvent] {
    try await all(.entries, after: id).map { EntryEvent(id: $0.id, entryID: $0.key) }
  }

  /// Events with IDs greater than `id`, in order. Rows that name no SPIFFE ID are left out.
  package func listAgentEvents(after id: Int64) async throws(DatastoreError) -> [AgentEvent] {
    try await all(.agents, after: id).compactMap { row in
      (try? SPIFFEID(row.key)).map { AgentEvent(id: row.id, agentID: $0) }
    }
  }

  private func all(_ table: EventTable, after id: Int64) async throws(DatastoreError) -> [EventRow] {
    let limit = 10_000
    var rows: [EventRow] = []
    while true {
      let page = try await listEvents(table, after: rows.last?.id ?? id, limit: limit)
      rows += page
      if page.count < limit { return rows }
    }
  }
}
