import DatastoreAPI
import Testing

@testable import SQLDatastore

@Suite struct JoinTokenContractTests {
  @Test(arguments: TestEngine.all) func keepsTokens(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let token = JoinToken(value: "t", expiresAt: 100)
      try await datastore.createJoinToken(token)
      let fetched = try await datastore.fetchJoinToken("t")
      #expect(fetched == token)
      let duplicate = await failure { try await datastore.createJoinToken(token) }
      #expect(duplicate?.code == .alreadyExists)
      let empty = await failure { try await datastore.createJoinToken(JoinToken(value: "", expiresAt: 1)) }
      #expect(empty?.code == .invalidArgument)
      let missing = await failure { try await datastore.deleteJoinToken("none") }
      #expect(missing?.code == .notFound)
      try await datastore.deleteJoinToken("t")
      let gone = try await datastore.fetchJoinToken("t")
      #expect(gone == nil)
      for expiry in 1...3 {
        try await datastore.createJoinToken(JoinToken(value: "\(expiry)", expiresAt: Int64(expiry)))
      }
      let pruned = try await datastore.pruneJoinTokens(expiredBefore: 3)
      #expect(pruned == 2)
    }
  }

  @Test(arguments: TestEngine.all) func isConsumedOnce(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      for round in 0..<10 {
        try await datastore.createJoinToken(JoinToken(value: "t\(round)", expiresAt: 100))
        let winners = try await withThrowingTaskGroup(of: JoinToken?.self) { group in
          for _ in 0..<16 { group.addTask { try await datastore.consumeJoinToken("t\(round)") } }
          return try await group.reduce(into: [JoinToken]()) { if let token = $1 { $0.append(token) } }
        }
        #expect(winners == [JoinToken(value: "t\(round)", expiresAt: 100)])
      }
    }
  }

  @Test func isConsumedOnceByTwoServers() async throws {
    let folder = try TemporaryFolder()
    let servers = [try await open(folder.file("d")), try await open(folder.file("d"))]
    try await servers[0].createJoinToken(JoinToken(value: "t", expiresAt: 100))
    let count = try await withThrowingTaskGroup(of: Int.self) { group in
      for index in 0..<16 { group.addTask { try await servers[index % 2].consumeJoinToken("t") == nil ? 0 : 1 } }
      return try await group.reduce(0, +)
    }
    #expect(count == 1)
    for server in servers { await server.close() }
  }
}
