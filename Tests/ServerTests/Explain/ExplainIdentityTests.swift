import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Daemon
@testable import Server

private typealias Client = Swiftspire_Server_Explain_V1_Explain.Client<ReconnectingTransport>

/// `spire-server explain`, from the server's side.
@Suite struct ExplainIdentityTests {
  private func explain(
    _ server: TestServer, _ path: String
  ) async throws -> Swiftspire_Server_Explain_V1_ExplainIdentityResponse {
    let id = TestServer.id(path).api
    return try await server.local { try await Client(wrapping: $0).explainIdentity(.with { $0.spiffeID = id }) }
  }

  private func sync(_ server: TestServer, _ agent: TestIdentity) async throws {
    _ = try await server.remote(agent) {
      try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: $0).getAuthorizedEntries(.init())
    }
  }

  @Test func followsAnEntryToTheAgentThatHasIt() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let entry = try await server.createEntry("/web", parent: agent.id)
      let before = try await explain(server, "/web")
      #expect(before.entriesTotal == 1)
      #expect(before.entries[0].entry == entry)
      #expect(before.entries[0].agents.agents.map(\.id) == [agent.id.api])
      #expect(before.entries[0].agents.agents[0].lastSyncAt == 0)
      #expect(before.entries[0].agents.agents[0].verdict.contains("has not asked this server for its entries"))
      #expect(before.serverStartedAt == Int64(server.time.now.timeIntervalSince1970))

      try await sync(server, agent)
      let synced = try await explain(server, "/web").entries[0].agents.agents[0]
      #expect(synced.lastSyncAt == Int64(server.time.now.timeIntervalSince1970))
      #expect(synced.lastSyncEntries == 1)
      #expect(synced.verdict == "has it; this server has signed no X.509-SVID for it yet")

      let csr = try TestKey().csr()
      let signed = try await server.remote(agent) { client in
        try await Spire_Api_Server_Svid_V1_SVID.Client(wrapping: client).batchNewX509SVID(
          .with { $0.params = [.with { ($0.entryID, $0.csr) = (entry.id, csr) }] })
      }
      let issued = try await explain(server, "/web").entries[0].agents.agents[0]
      #expect(issued.lastSvid.expiresAt == signed.results[0].svid.expiresAt)
      #expect(!issued.lastSvid.serialNumber.isEmpty)
      #expect(issued.verdict.hasPrefix("has it, with an X.509-SVID until "))

      // The entry changes: what the agent has is of an older revision.
      var changed = entry
      changed.hint = "x"
      let update = changed
      _ = try await server.local {
        try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: $0).batchUpdateEntry(.with { $0.entries = [update] })
      }
      let stale = try await explain(server, "/web").entries[0].agents.agents[0].verdict
      #expect(stale.contains("for revision 0 of the entry; it is now at 1"))
    }
  }

  @Test func namesTheSelectorThatAnAgentLacks() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.datastore.setNodeSelectors(
        [Selector(type: "k8s_psat", value: "cluster:staging"), Selector(type: "k8s_psat", value: "agent_ns:spire")],
        of: agent.id)
      try await server.createEntry(
        "/cluster", parent: TestServer.id("/spire/server"),
        selectors: [("k8s_psat", "cluster:prod"), ("k8s_psat", "agent_ns:spire")])
      try await server.createEntry("/web", parent: TestServer.id("/cluster"))
      let entry = try await explain(server, "/web").entries[0]
      #expect(entry.agents.total == 0)
      #expect(entry.near.agents.map(\.id) == [agent.id.api])
      #expect(entry.near.agents[0].missingSelectors.map(\.value) == ["cluster:prod"])
      #expect(entry.near.agents[0].foundInstead.map(\.value) == ["cluster:staging"])
      #expect(
        entry.near.agents[0].verdict
          == "lacks k8s_psat:cluster:prod of spiffe://example.org/cluster (it has k8s_psat:cluster:staging)")
      #expect(entry.findings.map(\.code) == ["node_entry_unmatched"])
      let node = try await explain(server, "/cluster").entries[0]
      #expect(node.children == 1)
      #expect(node.findings.map(\.code) == ["node_entry_without_agents", "node_entry"])
    }
  }

  @Test func aBannedAndAnExpiredAgent() async throws {
    try await TestServer.with { server in
      let banned = try await server.attest()
      let agent = try await server.attest()
      try await server.createEntry("/web", parent: banned.id)
      try await server.createEntry("/api", parent: agent.id)
      _ = try await server.local {
        try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: $0).banAgent(.with { $0.id = banned.id.api })
      }
      server.time.advance(by: .seconds(7200))
      let first = try await explain(server, "/web").entries[0]
      #expect(first.agents.agents[0].state == .banned)
      #expect(first.agents.agents[0].verdict == "is banned: the server refuses all of its calls")
      #expect(first.findings.map(\.code) == ["agents_inactive"])
      let second = try await explain(server, "/api").entries[0]
      #expect(second.agents.agents[0].state == .expired)
      #expect(second.agents.agents[0].verdict.hasPrefix("its own SVID ended at "))
      let itself = try await explain(server, banned.id.path)
      #expect(itself.agent.findings.map(\.code) == ["agent_banned"])
    }
  }

  @Test func anAgentAndItsEntries() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let empty = try await explain(server, agent.id.path)
      #expect(empty.agent.findings.map(\.code) == ["agent_silent", "agent_without_entries"])
      for index in 0..<12 { try await server.createEntry("/w\(index)", parent: agent.id) }
      try await sync(server, agent)
      let full = try await explain(server, agent.id.path).agent
      #expect(full.entriesTotal == 12)
      #expect(full.entries.count == 10)
      #expect(full.findings.isEmpty)
      #expect(full.agent.lastSyncEntries == 12)
    }
  }

  @Test func whatIsNotThereIsAnsweredWithWhatIsLikeIt() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let entry = try await server.createEntry("/payments", parent: agent.id)
      let typo = try await explain(server, "/paymemts")
      #expect(typo.entries.isEmpty)
      #expect(typo.nearest == ["spiffe://example.org/payments"])
      #expect(typo.findings.map(\.code) == ["identity_unknown"])
      #expect(typo.findings[0].advice == "did you mean spiffe://example.org/payments?")
      let foreign = try await server.local { client in
        try await Client(wrapping: client).explainIdentity(
          .with { $0.spiffeID = .with { ($0.trustDomain, $0.path) = ("example.com", "/payments") } })
      }
      #expect(foreign.findings.map(\.code) == ["foreign_trust_domain"])
      #expect(foreign.nearest == ["spiffe://example.org/payments"])
      let gone = try await explain(server, "/spire/agent/join_token/none")
      #expect(gone.findings.map(\.code) == ["agent_unknown"])
      #expect(try await explain(server, "/spire/server").findings.map(\.code) == ["server_id"])
      let beginning = String(entry.id.prefix(6))
      let byID = try await server.local {
        try await Client(wrapping: $0).explainIdentity(.with { $0.entryID = beginning })
      }
      #expect(byID.nearest == [entry.id])
      let found = try await server.local {
        try await Client(wrapping: $0).explainIdentity(.with { $0.entryID = entry.id })
      }
      #expect(found.entries.map(\.entry.id) == [entry.id])
    }
  }

  @Test func requestsThatNameNothing() async throws {
    try await TestServer.with { server in
      try await server.local { client in
        let service = Client(wrapping: client)
        #expect(
          try await failure { try await service.explainIdentity(.init()) }
            == Failure(.invalidArgument, "request must specify a SPIFFE ID or an entry ID"))
        let bad = try await failure {
          try await service.explainIdentity(.with { $0.spiffeID = .with { $0.trustDomain = "Bad!" } })
        }
        #expect(bad.code == .invalidArgument)
      }
    }
  }

  @Test func listsAreBoundedWhateverThereIs() async throws {
    try await TestServer.with { server in
      let agents = (0..<30).map { index in
        AttestedNode(
          id: TestServer.id("/spire/agent/x/\(index)"), attestationType: "x", serialNumber: "1",
          expiresAt: 4_000_000_000, selectors: [Selector(type: "k8s_psat", value: "cluster:c")])
      }
      for agent in agents { _ = try await server.datastore.recordAttestation(of: agent) }
      try await server.createEntry(
        "/host", parent: TestServer.id("/spire/server"), selectors: [("k8s_psat", "cluster:c")])
      for index in 0..<15 {
        try await server.createEntry("/web", parent: TestServer.id("/host"), selectors: [("unix", "uid:\(index)")])
      }
      let answer = try await explain(server, "/web")
      #expect(answer.entriesTotal == 15)
      #expect(answer.entries.count == 10)
      #expect(answer.entries.allSatisfy { $0.agents.total == 30 && $0.agents.agents.count == 10 })
    }
  }
}
