import DatastoreAPI
import SPIFFE
import Testing

@testable import SQLDatastore

@Suite struct AgentContractTests {
  @Test(arguments: TestEngine.all) func recordsAFirstAttestationOnce(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let node = try agent("/spire/agent/http_challenge/n1", serial: "1", expiresAt: 1_900_000_000)
      let outcomes = await withTaskGroup(of: DatastoreError.Code?.self) { group in
        for number in 0..<6 {
          group.addTask {
            var own = node
            own.serialNumber = "\(number + 1)"
            let mine = own
            return await failure { _ = try await datastore.recordAttestation(of: mine, mustBeNew: true) }?.code
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(outcomes.count { $0 == nil } == 1 && outcomes.count { $0 == .alreadyExists } == 5)
      // Without the condition the row is replaced.
      let again = try await datastore.recordAttestation(of: node)
      #expect(again.serialNumber == "1")
    }
  }

  @Test(arguments: TestEngine.all) func createsFetchesAndUpdates(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      var node = try agent("/spire/agent/x509pop/1", serial: "123", expiresAt: 1_900_000_000)
      node.newSerialNumber = "124"
      node.newExpiresAt = 1_900_000_100
      node.canReattest = true
      node.agentVersion = "1.15.3"
      _ = try await datastore.createAgent(node)
      let fetched = try await datastore.fetchAgent(id: node.id)
      #expect(fetched == node)
      let missing = try await datastore.fetchAgent(id: id("/none"))
      #expect(missing == nil)
      let duplicate = await failure { _ = try await datastore.createAgent(node) }
      #expect(duplicate?.code == .alreadyExists)

      var change = node
      change.serialNumber = "9"
      change.expiresAt = 5
      change.newSerialNumber = ""
      change.newExpiresAt = 0
      change.canReattest = false
      change.agentVersion = "2"
      change.attestationType = "other"
      let versioned = try await datastore.updateAgent(change, mask: [.agentVersion])
      node.agentVersion = "2"
      #expect(versioned == node)
      let svids = try await datastore.updateAgent(change, mask: .svids)
      #expect(svids.serialNumber == "9" && svids.expiresAt == 5 && svids.newExpiresAt == 0 && svids.canReattest)
      let all = try await datastore.updateAgent(change, mask: .all)
      #expect(all == change)
      let unknown = await failure { _ = try await datastore.updateAgent(agent("/none"), mask: .all) }
      #expect(unknown?.code == .notFound)
      let events = try await datastore.listAgentEvents(after: 0)
      #expect(events == (1...4).map { AgentEvent(id: $0, agentID: node.id) })
    }
  }

  @Test(arguments: TestEngine.all) func keepsSelectors(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      let (one, two) = (try agent("/1", expiresAt: 100), try agent("/2", expiresAt: 300))
      for node in [one, two] { _ = try await datastore.createAgent(node) }
      try await datastore.setNodeSelectors([selector("a:1"), selector("b:1"), selector("a:1")], of: one.id)
      try await datastore.setNodeSelectors([selector("a:1")], of: two.id)
      try await datastore.setNodeSelectors([selector("z:1"), selector("a:1")], of: two.id)
      let selectors = try await datastore.nodeSelectors(of: two.id)
      #expect(selectors == [selector("z:1"), selector("a:1")])
      let all = try await datastore.listNodeSelectors(validAt: nil, consistency: .current)
      #expect(all == [one.id: [selector("a:1"), selector("b:1")], two.id: [selector("z:1"), selector("a:1")]])
      let valid = try await datastore.listNodeSelectors(validAt: 100, consistency: .current)
      #expect(Array(valid.keys) == [two.id])
      let listing = try await datastore.listAgents(.all, page: nil, withSelectors: true)
      #expect(
        listing.items.map(\.selectors) == [[selector("a:1"), selector("b:1")], [selector("z:1"), selector("a:1")]])
      let events = try await datastore.listAgentEvents(after: 2)
      #expect(events.map(\.agentID) == [one.id, two.id, two.id])
    }
  }

  @Test(arguments: TestEngine.all) func filters(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      var reattesting = try agent("/reattesting", expiresAt: 100)
      reattesting.canReattest = true
      var token = try agent("/token", expiresAt: 200)
      token.attestationType = "join_token"
      let banned = try agent("/banned", serial: "", expiresAt: 300)
      for node in [reattesting, token, banned] { _ = try await datastore.createAgent(node) }
      try await datastore.setNodeSelectors([selector("a:1"), selector("a:2")], of: token.id)
      try await datastore.setNodeSelectors([selector("a:1")], of: banned.id)
      func paths(_ filter: AgentFilter) async throws -> [String] {
        let listed = try await datastore.listAgents(filter)
        let count = try await datastore.countAgents(filter)
        #expect(count == listed.count)
        return listed.map(\.id.path)
      }
      #expect(try await paths(.all) == ["/reattesting", "/token", "/banned"])
      #expect(try await paths(AgentFilter(attestationType: "join_token")) == ["/token"])
      #expect(try await paths(AgentFilter(banned: true)) == ["/banned"])
      #expect(try await paths(AgentFilter(banned: false)) == ["/reattesting", "/token"])
      #expect(try await paths(AgentFilter(canReattest: true)) == ["/reattesting"])
      #expect(try await paths(AgentFilter(canReattest: false)) == ["/token", "/banned"])
      #expect(try await paths(AgentFilter(expiresBefore: 200)) == ["/reattesting"])
      #expect(try await paths(AgentFilter(validAt: 200)) == ["/banned"])
      func match(_ match: SetMatch, _ selectors: String...) -> AgentFilter {
        AgentFilter(selectors: SelectorFilter(selectors.map(selector), match: match))
      }
      #expect(try await paths(match(.exact, "a:1")) == ["/banned"])
      #expect(try await paths(match(.superset, "a:1")) == ["/token", "/banned"])
      #expect(try await paths(match(.subset, "a:1", "a:2", "a:3")) == ["/token", "/banned"])
      #expect(try await paths(match(.any, "a:2", "a:3")) == ["/token"])
      let first = try await datastore.listAgents(.all, page: Page(size: 2), withSelectors: false)
      #expect(first.nextToken == "2")
      let last = try await datastore.listAgents(.all, page: Page(size: 2, token: "3"), withSelectors: false)
      #expect(last == Listing([]))
    }
  }

  @Test(arguments: TestEngine.all) func deletingATokensAgentDeletesItsAlias(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      for (path, type) in [("/spire/agent/join_token/t", "join_token"), ("/spire/agent/x509pop/p", "x509pop")] {
        var node = try agent(path)
        node.attestationType = type
        _ = try await datastore.createAgent(node)
        try await datastore.setNodeSelectors([selector("a:1")], of: node.id)
        let alias = "spiffe_id:\(node.id)"
        let created = try await datastore.createEntries([
          entry("/alias", parent: path, alias), entry("/more", parent: path, alias, "a:1"),
          entry("/other", parent: path, "unix:uid:1"),
        ]).map { try $0.get().entry }
        let before = try await datastore.listEntryEvents(after: 0).count
        let deleted = try await datastore.deleteAgent(id: node.id)
        #expect(deleted == node)
        let rest = try await datastore.listEntries(EntryFilter(parentID: node.id)).map(\.spiffeID.path)
        #expect(rest == (type == "join_token" ? ["/more", "/other"] : ["/alias", "/more", "/other"]))
        let events = try await datastore.listEntryEvents(after: 0).dropFirst(before)
        #expect(events.map(\.entryID) == (type == "join_token" ? [created[0].id] : []))
        let selectors = try await datastore.nodeSelectors(of: node.id)
        #expect(selectors.isEmpty)
        let again = await failure { _ = try await datastore.deleteAgent(id: node.id) }
        #expect(again?.code == .notFound)
      }
    }
  }

  @Test(arguments: TestEngine.all) func prunes(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      for index in 1...3 {
        var node = try agent("/re/\(index)", expiresAt: 100)
        node.canReattest = true
        _ = try await datastore.createAgent(node)
      }
      for node in [
        try agent("/tofu", expiresAt: 100), try agent("/banned", serial: "", expiresAt: 100),
        try agent("/valid", expiresAt: 101),
      ] { _ = try await datastore.createAgent(node) }
      func prune(_ tofu: Bool, _ limit: Int) async throws -> [String] {
        try await datastore.pruneAgents(expiredBefore: 101, includingNonReattestable: tofu, limit: limit).map(\.id.path)
      }
      #expect(try await prune(false, 2) == ["/re/1", "/re/2"])
      #expect(try await prune(false, 2) == ["/re/3"])
      #expect(try await prune(false, 2) == [])
      #expect(try await prune(true, 10) == ["/tofu"])
      let rest = try await datastore.listAgents().map(\.id.path)
      #expect(rest == ["/banned", "/valid"])
    }
  }

  @Test(arguments: TestEngine.all) func recordsAttestations(_ engine: TestEngine) async throws {
    try await engine.run { datastore in
      var node = try agent("/a", serial: "1", expiresAt: 100)
      node.selectors = [selector("a:1")]
      let first = try await datastore.recordAttestation(of: node)
      #expect(first == node)
      var known = node
      known.agentVersion = "1.15.3"
      known.newSerialNumber = "2"
      known.newExpiresAt = 200
      _ = try await datastore.updateAgent(known, mask: [.agentVersion, .newSerialNumber, .newExpiresAt])
      node.serialNumber = "3"
      node.selectors = [selector("a:2")]
      let second = try await datastore.recordAttestation(of: node)
      node.agentVersion = "1.15.3"
      #expect(second == node)
      let selectors = try await datastore.nodeSelectors(of: node.id)
      #expect(selectors == [selector("a:2")])

      node.serialNumber = ""
      _ = try await datastore.updateAgent(node, mask: .svids)
      node.serialNumber = "4"
      let banned = await failure { _ = try await datastore.recordAttestation(of: node) }
      #expect(banned?.code == .failedPrecondition)
      let stored = try await datastore.fetchAgent(id: node.id)
      #expect(stored?.isBanned == true)
    }
  }
}
