package import FoundationEssentials

/// The event tables: what changed, for every server on the same database (server-behaviour §6.7).
package protocol EventStore: Sendable {
  /// Events with IDs greater than `id`, in order.
  func listEntryEvents(after id: Int64) async throws(DatastoreError) -> [EntryEvent]
  /// The events of these IDs that are visible now; used to look again for IDs that were missing.
  func fetchEntryEvents(ids: [Int64]) async throws(DatastoreError) -> [EntryEvent]
  /// Deletes events made before `time` and returns how many.
  func pruneEntryEvents(before time: Date) async throws(DatastoreError) -> Int

  /// Events with IDs greater than `id`, in order.
  func listAgentEvents(after id: Int64) async throws(DatastoreError) -> [AgentEvent]
  /// The events of these IDs that are visible now; used to look again for IDs that were missing.
  func fetchAgentEvents(ids: [Int64]) async throws(DatastoreError) -> [AgentEvent]
  /// Deletes events made before `time` and returns how many.
  func pruneAgentEvents(before time: Date) async throws(DatastoreError) -> Int
}
