import DatastoreAPI
import SPIFFE
import Testing

@testable import SQLDatastore

@Suite struct ChangeFeedTests {
  @Test func tellsWhatWasCommitted() async throws {
    try await TestEngine.all[0].run { datastore in
      let subscription = datastore.changes.subscribe()
      let created = try await datastore.createEntries([entry("/a", "a:1"), entry("/b"), entry("/c", "a:1")])
      _ = await failure { _ = try await datastore.updateEntry(entry("/x", "a:1", id: "none")) }
      let partner = try TrustDomain("partner.test")
      _ = try await datastore.setBundle(Bundle(trustDomain: partner))
      _ = try await datastore.createAgent(agent("/agent"))
      let changes = try #require(subscription.pending())
      #expect(changes.entryEvents.map(\.entryID) == [try created[0].get().entry.id, try created[2].get().entry.id])
      #expect(changes.entryEvents.map(\.id) == [1, 2])
      #expect(changes.agentEvents == [AgentEvent(id: 1, agentID: try id("/agent"))])
      #expect(changes.bundles == [partner])
      #expect(!changes.federationRelationships && !changes.everything)
      #expect(subscription.pending() == nil)
    }
  }

  @Test func saysNothingOfWhatWasNotCommitted() async throws {
    try await TestEngine.all[0].run { datastore in
      let subscription = datastore.changes.subscribe()
      let partner = try TrustDomain("partner.test")
      let relationship = FederationRelationship(
        trustDomain: partner, bundleEndpointURL: "https://p.test", profile: .httpsWeb)
      _ = try await datastore.createFederationRelationship(relationship)
      #expect(subscription.pending()?.federationRelationships == true)
      _ = await failure { _ = try await datastore.createFederationRelationship(relationship) }
      _ = try await datastore.appendBundle(Bundle(trustDomain: partner))
      #expect(subscription.pending()?.bundles == [partner])
      _ = try await datastore.appendBundle(Bundle(trustDomain: partner))
      #expect(subscription.pending() == nil)
    }
  }

  @Test func wakesASubscriberAndEndsWithTheDatastore() async throws {
    let datastore = try await open(":memory:")
    let subscription = datastore.changes.subscribe()
    async let first = subscription.next()
    try await datastore.setNodeSelectors([], of: id("/agent"))
    #expect(await first?.agentEvents.count == 1)
    async let last = subscription.next()
    await datastore.close()
    #expect(await last == nil)
    #expect(await datastore.changes.subscribe().next() == nil)
  }

  @Test func endsWithItsTask() async throws {
    let subscription = ChangeFeed().subscribe()
    let task = Task { await subscription.next() }
    task.cancel()
    #expect(await task.value == nil)
  }

  @Test func isBounded() {
    let feed = ChangeFeed()
    let subscription = feed.subscribe()
    for id in 0...Int64(ChangeSubscription.limit) {
      var changes = DatastoreChanges()
      changes.entryEvents = [EntryEvent(id: id, entryID: "e")]
      feed.publish(changes)
    }
    let changes = subscription.pending()
    #expect(changes?.everything == true && changes?.entryEvents.isEmpty == true)
  }
}
