import DatastoreAPI
import SPIFFE
import Testing

@testable import SQLDatastore

/// Several servers on one database: what one reads in order to change it, no other changes meanwhile.
@Suite struct SharedDatabaseTests {
  private func withTwo(
    _ engine: TestEngine, _ body: (SQLDatastore, SQLDatastore) async throws -> Void
  ) async throws {
    try await engine.withDatabase { text in
      let one = try await open(text, engine.databaseType)
      let two = try await open(text, engine.databaseType)
      do { try await body(one, two) } catch {
        await one.close()
        await two.close()
        throw error
      }
      await one.close()
      await two.close()
    }
  }

  @Test(arguments: TestEngine.servers) func noUpdateIsLost(_ engine: TestEngine) async throws {
    try await withTwo(engine) { one, two in
      let stored = try await one.createEntry(entry("/web", "unix:uid:1")).entry
      let own = try TrustDomain("example.org")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<20 {
          let datastore = number % 2 == 0 ? one : two
          group.addTask {
            _ = try await datastore.updateEntry(stored)
            _ = try await datastore.appendBundle(
              Bundle(trustDomain: own, jwtAuthorities: [JWTAuthority(publicKey: [1], keyID: "k\(number)")]))
          }
        }
        try await group.waitForAll()
      }
      #expect(try await two.fetchEntry(id: stored.id)?.revisionNumber == 20)
      let bundle = try #require(try await one.fetchBundle(of: own))
      #expect(Set(bundle.jwtAuthorities.map(\.keyID)) == Set((0..<20).map { "k\($0)" }))
    }
  }

  @Test(arguments: TestEngine.servers) func serversThatInsertTheSameAgree(_ engine: TestEngine) async throws {
    try await withTwo(engine) { one, two in
      for round in 0..<10 {
        let node = try agent("/\(round)")
        let name = try TrustDomain("t\(round).test")
        async let first = one.recordAttestation(of: node)
        async let second = two.recordAttestation(of: node)
        async let third = one.setBundle(Bundle(trustDomain: name))
        async let fourth = two.setBundle(Bundle(trustDomain: name))
        _ = try await (first, second, third, fourth)
      }
      #expect(try await one.countAgents(.all) == 10)
      #expect(try await two.countBundles() == 10)
    }
  }

  @Test(arguments: TestEngine.servers) func aTokenIsConsumedOnce(_ engine: TestEngine) async throws {
    try await withTwo(engine) { one, two in
      for round in 0..<10 {
        try await one.createJoinToken(JoinToken(value: "t\(round)", expiresAt: 1))
        async let first = one.consumeJoinToken("t\(round)")
        async let second = two.consumeJoinToken("t\(round)")
        let found = try await [first, second].compactMap { $0 }
        #expect(found.count == 1)
      }
    }
  }

  @Test(arguments: TestEngine.servers) func anItemThatFailsIsAloneInThat(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let taken = try await datastore.createEntry(entry("/taken", "unix:uid:1", id: "taken")).entry
      var noBundle = try entry("/federated", "unix:uid:1")
      noBundle.federatesWith = [try TrustDomain("none.test")]
      let results = try await datastore.createEntries([
        entry("/a", "unix:uid:1"), entry("/b", "unix:uid:1", id: taken.id), noBundle, entry("/c"),
        entry("/d", "unix:uid:1", "unix:uid:1"), entry("/e", "unix:uid:1"), entry("/a", "unix:uid:1"),
      ])
      #expect(
        results.map(\.error?.code) == [nil, .alreadyExists, .internal, .invalidArgument, .alreadyExists, nil, nil])
      #expect(try results[6].get().existing)
      #expect(try await datastore.listEntries().map(\.spiffeID.path) == ["/taken", "/a", "/e"])
      #expect(try await datastore.listEntryEvents(after: 0).count == 3)
    }
  }
}
