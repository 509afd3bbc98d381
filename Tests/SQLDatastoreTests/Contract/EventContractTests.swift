import Daemon
import DatastoreAPI
import Foundation
import SPIFFE
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
      let fetched = try await datastore.fetchEvents(.entries, in: [1...1, 2...7, 9...(1 << 40)])
      #expect(fetched == [EventRow(id: 1, key: first.id), EventRow(id: 2, key: second.id)])
      let agents = try await datastore.fetchEvents(.agents, in: [2...2])
      #expect(agents == [EventRow(id: 2, key: "spiffe://example.org/agent2")])
      let nothing = try await datastore.fetchEvents(.agents, in: [])
      #expect(nothing.isEmpty)
      let none = try await datastore.pruneEvents(.entries, before: time.now.addingTimeInterval(-10))
      #expect(none == 0)
      let pruned = try await datastore.pruneEvents(.entries, before: time.now.addingTimeInterval(-5))
      #expect(pruned == 1)
      let prunedAgents = try await datastore.pruneEvents(.agents, before: time.now.addingTimeInterval(1))
      #expect(prunedAgents == 2)
      let rest = try await datastore.listEntryEvents(after: 0)
      #expect(rest == [entries[1]])
      // IDs are never used again.
      _ = try await datastore.pruneEvents(.entries, before: time.now.addingTimeInterval(1))
      _ = try await datastore.deleteEntry(id: first.id)
      let next = try await datastore.listEntryEvents(after: 0)
      #expect(next == [EntryEvent(id: 3, entryID: first.id)])
    }
  }

  @Test(arguments: TestEngine.all) func theHeadsTellWhatHappened(_ engine: TestEngine) async throws {
    let time = TestTime()
    try await engine.run(time: time) { datastore in
      var heads = try await datastore.eventHeads()
      #expect(heads.newest.isEmpty && heads.bundles.isEmpty)
      let created = try await datastore.createEntries([entry("/1", "a:1"), entry("/2", "a:1")])
      try await datastore.setNodeSelectors([], of: id("/agent"))
      let (own, partner) = (try TrustDomain("example.org"), try TrustDomain("partner.test"))
      _ = try await datastore.setBundle(Bundle(trustDomain: own))
      _ = try await datastore.setBundle(Bundle(trustDomain: partner))
      heads = try await datastore.eventHeads()
      #expect(heads.newest[.entries] == EventRow(id: 2, key: try created[1].get().entry.id))
      #expect(heads.newest[.agents] == EventRow(id: 1, key: "spiffe://example.org/agent"))
      #expect(Set(heads.bundles.keys) == [own, partner])
      time.advance(by: .seconds(2))
      _ = try await datastore.setBundle(Bundle(trustDomain: partner))
      let later = try await datastore.eventHeads()
      #expect(later.bundles[own] == heads.bundles[own])
      #expect(later.bundles[partner] != heads.bundles[partner])
      try await datastore.deleteBundle(of: partner, mode: .restrict)
      let rest = try await datastore.eventHeads()
      #expect(Set(rest.bundles.keys) == [own])
    }
  }

  @Test(arguments: TestEngine.all) func runsEndWhereEventsAreOld(_ engine: TestEngine) async throws {
    let time = TestTime()
    try await engine.run(time: time) { datastore in
      let none = try await datastore.eventRuns(.entries, since: time.now)
      #expect(none.runs.isEmpty && none.newest == nil && none.reachesStart)
      // More than a page, all of them old, and some that are not.
      var entries: [RegistrationEntry] = []
      for number in 0..<5200 { entries.append(try entry("/\(number)", "a:1", id: "e\(number)")) }
      _ = try await datastore.createEntries(entries)
      time.advance(by: .seconds(1000))
      for number in 0..<3 { try await datastore.deleteEntry(id: "e\(number)") }
      let recent = try await datastore.eventRuns(.entries, since: time.now.addingTimeInterval(-500))
      #expect(recent.newest == EventRow(id: 5203, key: "e2"))
      #expect(recent.runs == [1...5203] && recent.reachesStart)
      time.advance(by: .seconds(1000))
      let old = try await datastore.eventRuns(.entries, since: time.now)
      #expect(old.runs == [204...5203] && !old.reachesStart)
      // Pruned in batches, and whatever is younger stays.
      let pruned = try await datastore.pruneEvents(.entries, before: time.now.addingTimeInterval(-1500))
      #expect(pruned == 5200)
      let rest = try await datastore.eventRuns(.entries, since: time.now)
      #expect(rest.runs == [5201...5203] && rest.reachesStart)
      let first = try await datastore.listEvents(.entries, after: 0, limit: 2)
      #expect(first.map(\.id) == [5201, 5202])
    }
  }
}
