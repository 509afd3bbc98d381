import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Server

private typealias Client = Swiftspire_Server_Explain_V1_Explain.Client<ReconnectingTransport>
private typealias Result = Swiftspire_Server_Explain_V1_DryRunEntriesResponse.Result

/// `entry create -dryRun` and `entry update -dryRun`, from the server's side.
@Suite struct DryRunTests {
  private static let host = TestServer.id("/host")

  private func dryRun(
    _ server: TestServer, _ entries: [Spire_Api_Types_Entry],
    _ action: Swiftspire_Server_Explain_V1_DryRunEntriesRequest.Action = .create
  ) async throws -> [Result] {
    let request = Swiftspire_Server_Explain_V1_DryRunEntriesRequest.with {
      $0.action = action
      $0.entries = entries
    }
    return try await server.local { try await Client(wrapping: $0).dryRunEntries(request).results }
  }

  private func codes(_ result: Result) -> [String] { result.findings.map(\.code) }

  @Test func nothingIsWrittenAndTheAnswerIsTheRealOne() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.createEntry("/there", parent: agent.id)
      let stored = try await server.datastore.listEntries()
      let events = try await server.datastore.listEntryEvents(after: 0)
      var foreign = TestServer.entry("/x", parent: agent.id)
      foreign.spiffeID.trustDomain = "other.org"
      var federated = TestServer.entry("/y", parent: agent.id)
      federated.federatesWith = ["partner.test"]
      var badID = TestServer.entry("/z", parent: agent.id)
      badID.id = "a b"
      let entries = [
        TestServer.entry("/new", parent: agent.id), TestServer.entry("/there", parent: agent.id), foreign, federated,
        TestServer.entry("/w", parent: agent.id, selectors: []), badID, TestServer.entry("/new", parent: agent.id),
      ]
      let dry = try await dryRun(server, entries)
      #expect(try await server.datastore.listEntries() == stored)
      #expect(try await server.datastore.listEntryEvents(after: 0) == events)
      #expect(server.parts.entries.current().entries.count == stored.count)

      let real = try await server.local { client in
        try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client)
          .batchCreateEntry(.with { $0.entries = entries }).results
      }
      #expect(dry.map(\.status) == real.map(\.status))
      #expect(dry.map(\.status.code) == [0, 6, 3, 9, 3, 3, 6] || dry.map(\.status.code) == real.map(\.status.code))
      #expect(dry[0].entry.id.isEmpty, "the server would choose one")
      #expect(dry[0].entry.spiffeID.path == "/new")
      #expect(codes(dry[3]) == ["federated_bundle_unknown"])
      // The next real answer has no gap in its events from what was undone.
      #expect(try await server.datastore.listEntryEvents(after: 0).count == events.count + 1)
    }
  }

  @Test func saysWhichAgentsWouldReceiveIt() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let direct = try await dryRun(server, [TestServer.entry("/web", parent: agent.id)])[0]
      #expect(direct.agents.total == 1)
      #expect(direct.agents.agents.map(\.id) == [agent.id.api])
      #expect(direct.agents.agents[0].path.isEmpty)
      #expect(direct.agents.agents[0].verdict == "would receive it at its next sync")
      #expect(direct.findings.isEmpty)

      // Through a node alias, which the agent's selectors earn.
      try await server.datastore.setNodeSelectors(
        [Selector(type: "k8s_psat", value: "cluster:c"), Selector(type: "k8s_psat", value: "agent_ns:n")], of: agent.id)
      let alias = try await server.createEntry(
        "/host", parent: TestServer.id("/spire/server"), selectors: [("k8s_psat", "cluster:c")])
      let through = try await dryRun(server, [TestServer.entry("/web", parent: Self.host)])[0]
      #expect(through.agents.agents.map(\.path.count) == [1])
      #expect(through.agents.agents.first?.path.first?.entryID == alias.id)
      #expect(through.agents.agents.first?.path.first?.nodeAlias == true)

      // Through an entry of the same batch.
      let chain = try await dryRun(
        server, [TestServer.entry("/a", parent: Self.host), TestServer.entry("/b", parent: TestServer.id("/a"))])
      #expect(chain.map(\.agents.total) == [1, 1])
      #expect(chain[1].agents.agents.first?.path.map(\.spiffeID.path) == ["/host", "/a"])
    }
  }

  @Test func parentsThatLeadNowhere() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.createEntry("/prod/host", parent: agent.id, selectors: [("unix", "uid:1")])
      let typo = try await dryRun(server, [TestServer.entry("/web", parent: TestServer.id("/prod/hots"))])[0]
      #expect(codes(typo) == ["parent_unknown"])
      #expect(typo.findings[0].severity == .problem)
      #expect(typo.findings[0].advice == "did you mean spiffe://example.org/prod/host?")

      let unknown = try await dryRun(server, [TestServer.entry("/web", parent: TestServer.id("/nothing-like-it"))])[0]
      #expect(
        unknown.findings[0].advice.contains("spire-server entry create -node -spiffeID spiffe://example.org/nothing"))

      let alias = try await server.createEntry(
        "/cluster", parent: TestServer.id("/spire/server"), selectors: [("k8s_psat", "cluster:none")])
      let unmatched = try await dryRun(server, [TestServer.entry("/web", parent: TestServer.id("/cluster"))])[0]
      #expect(codes(unmatched) == ["node_entry_unmatched"])
      #expect(unmatched.findings[0].message.contains(alias.id))
      #expect(unmatched.findings[0].message.contains("k8s_psat:cluster:none"))

      try await server.createEntry("/middle", parent: TestServer.id("/above"))
      let broken = try await dryRun(server, [TestServer.entry("/web", parent: TestServer.id("/middle"))])[0]
      #expect(codes(broken) == ["chain_broken"])

      try await server.createEntry("/one", parent: TestServer.id("/two"))
      try await server.createEntry("/two", parent: TestServer.id("/one"))
      let cycle = try await dryRun(server, [TestServer.entry("/web", parent: TestServer.id("/one"))])[0]
      #expect(codes(cycle) == ["parent_cycle"])

      let own = try await dryRun(server, [TestServer.entry("/self", parent: TestServer.id("/self"))])[0]
      #expect(codes(own).contains("own_parent"))
    }
  }

  @Test func anAgentThatIsBannedOrExpired() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      _ = try await server.local {
        try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: $0).banAgent(.with { $0.id = agent.id.api })
      }
      let banned = try await dryRun(server, [TestServer.entry("/web", parent: agent.id)])[0]
      #expect(codes(banned) == ["agents_inactive"])
      #expect(banned.agents.agents.map(\.state) == [.banned])
      #expect(banned.findings[0].message.contains("is banned"))
    }
  }

  @Test func lifetimesAndConsequences() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      func codes(_ change: (inout Spire_Api_Types_Entry) -> Void) async throws -> [String] {
        var entry = TestServer.entry("/web", parent: agent.id)
        change(&entry)
        return try await dryRun(server, [entry])[0].findings.map(\.code)
      }
      #expect(try await codes { $0.x509SvidTtl = 3600 } == [])
      #expect(try await codes { $0.x509SvidTtl = 6 * 3600 } == ["x509_ttl_sometimes_cut"])
      #expect(try await codes { $0.x509SvidTtl = 48 * 3600 } == ["x509_ttl_cut"])
      #expect(try await codes { $0.jwtSvidTtl = 48 * 3600 } == ["jwt_ttl_cut"])
      #expect(try await codes { $0.expiresAt = 5 } == ["entry_expired"])
      #expect(try await codes { $0.admin = true } == ["admin"])
      #expect(try await codes { $0.downstream = true } == ["downstream"])
      #expect(try await codes { $0.storeSvid = true } == ["store_svid"])
      #expect(try await codes { $0.selectors[0].value = "uid:root" } == ["selector_value_malformed"])
    }
  }

  @Test func entriesThatAreAlike() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let a = ("unix", "uid:1")
      let b = ("unix", "gid:2")
      let c = ("unix", "user:x")
      let fewer = try await server.createEntry("/web", parent: agent.id, selectors: [a])
      let more = try await server.createEntry("/web", parent: agent.id, selectors: [a, b, c])
      let other = try await server.createEntry("/web", parent: agent.id, selectors: [c])
      let elsewhere = try await server.createEntry("/web", parent: Self.host, selectors: [a, b])
      let twin = try await server.createEntry("/twin", parent: agent.id, selectors: [b, a])
      let result = try await dryRun(server, [TestServer.entry("/web", parent: agent.id, selectors: [a, b])])[0]
      #expect(
        result.similar.map(\.kind) == [.fewerSelectors, .moreSelectors, .otherSelectors, .otherParent, .otherSpiffeID])
      #expect(result.similar.map(\.entry.id) == [fewer.id, more.id, other.id, elsewhere.id, twin.id])
      let same = try await dryRun(server, [TestServer.entry("/web", parent: agent.id, selectors: [a])])[0]
      #expect(same.status.code == 6)
      #expect(same.similar.first?.kind == .same)
      #expect(same.similar.first?.entry.id == fewer.id)
    }
  }

  @Test func anUpdateSaysWhoLosesTheEntry() async throws {
    try await TestServer.with { server in
      let first = try await server.attest()
      let second = try await server.attest()
      var entry = try await server.createEntry("/web", parent: first.id)
      entry.parentID = second.id.api
      let result = try await dryRun(server, [entry], .update)[0]
      #expect(result.status.code == 0)
      #expect(result.entry.id == entry.id)
      #expect(result.entry.revisionNumber == 1)
      #expect(result.agents.agents.map(\.id) == [second.id.api])
      #expect(result.losing.agents.map(\.id) == [first.id.api])
      #expect(result.similar.isEmpty)
      let stored = try #require(try await server.datastore.fetchEntry(id: entry.id))
      #expect(stored.parentID == first.id)
      #expect(stored.revisionNumber == 0)

      var missing = entry
      missing.id = "missing"
      #expect(try await dryRun(server, [missing], .update)[0].status.code == 5)
    }
  }

  @Test func ofALargeBatchOnlyTheFirstAreAnalysed() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let entries = (0..<510).map { TestServer.entry("/w\($0)", parent: agent.id, selectors: [("unix", "uid:\($0)")]) }
      let results = try await dryRun(server, entries)
      #expect(results.allSatisfy { $0.status.code == 0 })
      #expect(results.count { $0.analysed } == 500)
      #expect(try await server.datastore.countEntries() == 0)
    }
  }

  @Test func itIsAuditedAsOneCall() async throws {
    var options = TestServer.Options()
    options.auditing = true
    try await TestServer.with(options) { server in
      _ = try await dryRun(server, [TestServer.entry("/web", parent: Self.host)])
      let record = try #require(server.log.all("API accessed").first { $0.fields["method"] == "DryRunEntries" })
      #expect(record.fields["action"] == "create")
      #expect(record.fields["entries"] == "1")
    }
  }
}
