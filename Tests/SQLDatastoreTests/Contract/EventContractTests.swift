import Daemon
import DatastoreAPI
import Foundation
import Testing

@testable import SQLDatastore

@Suite struct EventContractTests {
  @Test(arguments: TestEngine.all) func listsFetchesAndPrunes(_ engine: TestEngine) async throws {
    let time = TestTime()
    try await engine.run(time: time) { datastore in
      let first = try await datastore.createEntry(entry("/1", "a:1")).entry
      try await datastore.setNodeSelectors([], of: id("/agent"))
      time.advance(by: .seconds(10))
      let second = try await datastore.createEntry(entry("/2", "a:1")).entry
      try await datastore.setNodeSelectors([], of: id("/agent2"))
      let entries = try await datastore.listEntryEvents(after: 0)
      #expect(entries == [EntryEvent(id: 1, entryID: first.id), EntryEvent(id: 2, entryID: second.id)])
      let later = try await datastore.listEntryEvents(after: 1)
      #expect(later == [entries[1]])
      let fetched = try await datastore.fetchEntryEvents(ids: [2, 7, 1])
      #expect(fetched == entries)
      let agents = try await datastore.fetchAgentEvents(ids: [2])
      #expect(agents == [AgentEvent(id: 2, agentID: try id("/agent2"))])
      let none = try await datastore.pruneEntryEvents(before: time.now.addingTimeInterval(-10))
      #expect(none == 0)
      let pruned = try await datastore.pruneEntryEvents(before: time.now.addingTimeInterval(-5))
      #expect(pruned == 1)
      let prunedAgents = try await datastore.pruneAgentEvents(before: time.now.addingTimeInterval(1))
      #expect(prunedAgents == 2)
      let rest = try await datastore.listEntryEvents(after: 0)
      #expect(rest == [entries[1]])
      // IDs are never used again.
      _ = try await datastore.pruneEntryEvents(before: time.now.addingTimeInterval(1))
      _ = try await datastore.deleteEntry(id: first.id)
      let next = try await datastore.listEntryEvents(after: 0)
      #expect(next == [EntryEvent(id: 3, entryID: first.id)])
    }
  }
}
