import Daemon
import DatastoreAPI
import SPIFFE
import Testing

@testable import SQLDatastore

@Suite struct MetricsTests {
  @Test func eachOperationIsACall() async throws {
    let sink = RecordingSink()
    let datastore = try await open(":memory:", metrics: Metrics(sinks: [sink]))
    let own = try TrustDomain("example.org")
    let results = try await datastore.createEntries([entry("/a", "a:1"), entry("/b", "a:1"), entry("/c")])
    _ = try await datastore.deleteEntries(ids: [results[0].get().entry.id])
    _ = try await datastore.appendBundle(Bundle(trustDomain: own))
    _ = await failure { _ = try await datastore.taintJWTAuthority(keyID: "x", of: own) }
    _ = try await datastore.recordAttestation(of: agent("/1"))
    _ = try await datastore.recordAttestation(of: agent("/1"))
    _ = try await datastore.listNodeSelectors(validAt: nil, consistency: .tolerateStale)
    _ = try await datastore.consumeJoinToken("none")
    _ = try await datastore.listEntryEvents(after: 0)
    await datastore.close()
    #expect(
      sink.counters == [
        "datastore.registration_entry.create{OK}": 2, "datastore.registration_entry.create{InvalidArgument}": 1,
        "datastore.registration_entry.delete{OK}": 1, "datastore.bundle.append{OK}": 1,
        "datastore.bundle.jwt.taint{NotFound}": 1, "datastore.node.selectors.set{OK}": 2,
        "datastore.node.create{OK}": 1, "datastore.node.update{OK}": 1, "datastore.node.selectors.list{OK}": 1,
        "datastore.join_token.delete{OK}": 1, "datastore.registration_entry_event.list{OK}": 1,
      ])
  }
}
