import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import SQLDatastore
import SwiftProtobuf
import Testing

@testable import Server

/// Whether an agent may call is decided in memory, and is never older than the last acknowledged change.
@Suite struct AgentStandingTests {
  private typealias Agents = Spire_Api_Server_Agent_V1_Agent
  private typealias Entries = Spire_Api_Server_Entry_V1_Entry
  private typealias SVIDs = Spire_Api_Server_Svid_V1_SVID

  private func entries(_ client: RPCClient) async throws -> Int {
    try await Entries.Client(wrapping: client).getAuthorizedEntries(.init()).entries.count
  }

  private func apiID(_ id: SPIFFEID) -> Spire_Api_Types_SPIFFEID {
    var message = Spire_Api_Types_SPIFFEID()
    message.trustDomain = id.trustDomain.name
    message.path = id.path
    return message
  }

  @Test func issuingReadsNoDatabase() async throws {
    let counts = CallCounts()
    var options = TestServer.Options()
    options.datastoreMetrics = Metrics(sinks: [counts])
    try await TestServer.with(options) { server in
      let agent = try await server.attest()
      let admin = try await server.mint("/admin")
      try await server.createEntry("/admin", parent: agent.id) { $0.admin = true }
      let entry = try await server.createEntry("/web", parent: agent.id)
      let csr = try TestKey().csr()
      try await server.remote(agent) { client in
        _ = try await entries(client)
        let used = try await counts.during("datastore") {
          for _ in 0..<3 {
            #expect(try await entries(client) == 2)
            var batch = Spire_Api_Server_Svid_V1_BatchNewX509SVIDRequest()
            batch.params = [
              .with {
                $0.entryID = entry.id; $0.csr = csr
              }
            ]
            #expect(try await SVIDs.Client(wrapping: client).batchNewX509SVID(batch).results[0].status.code == 0)
            let jwt = Spire_Api_Server_Svid_V1_NewJWTSVIDRequest.with {
              $0.entryID = entry.id; $0.audience = ["a"]
            }
            _ = try await SVIDs.Client(wrapping: client).newJWTSVID(jwt)
            let synced = try await Entries.Client(wrapping: client).syncAuthorizedEntries { writer in
              try await writer.write(.init())
            } onResponse: { response in
              for try await message in response.messages { return message.entries.count }
              return 0
            }
            #expect(synced == 2)
          }
        }
        #expect(used == [:])
        let renewal = try await counts.during("datastore") {
          let request = Spire_Api_Server_Agent_V1_RenewAgentRequest.with { $0.params.csr = csr }
          _ = try await Agents.Client(wrapping: client).renewAgent(request)
        }
        #expect(renewal == ["datastore.node.update": 1])
      }
      try await server.remote(admin) { client in
        // The handshake may look for a bundle.
        _ = try await SVIDs.Client(wrapping: client).mintJWTSVID(Self.jwt)
        let used = try await counts.during("datastore") {
          _ = try await SVIDs.Client(wrapping: client).mintJWTSVID(Self.jwt)
        }
        #expect(used == [:])
      }
      let minted = try await counts.during("datastore") {
        _ = try await server.mint("/minted")
        _ = try await server.local { try await SVIDs.Client(wrapping: $0).mintJWTSVID(Self.jwt) }
      }
      #expect(minted == [:])
    }
  }

  private static var jwt: Spire_Api_Server_Svid_V1_MintJWTSVIDRequest {
    .with {
      $0.id.trustDomain = "example.org"
      $0.id.path = "/w"
      $0.audience = ["a"]
    }
  }

  @Test func aBanCountsFromItsAcknowledgement() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        for _ in 0..<3 { _ = try await entries(client) }
        let id = apiID(agent.id)
        _ = try await server.local { try await Agents.Client(wrapping: $0).banAgent(.with { $0.id = id }) }
        #expect(try await failure { try await entries(client) }.code == .permissionDenied)
        #expect(server.log.first("Agent is banned") != nil)
      }
    }
  }

  @Test func anEvictionCountsFromItsAcknowledgement() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        for _ in 0..<3 { _ = try await entries(client) }
        let id = apiID(agent.id)
        _ = try await server.local { try await Agents.Client(wrapping: $0).deleteAgent(.with { $0.id = id }) }
        #expect(try await failure { try await entries(client) }.code == .permissionDenied)
        #expect(server.log.first("Agent is not attested") != nil)
      }
    }
  }

  @Test func anotherAttestationEndsTheFirst() async throws {
    try await TestServer.with { server in
      let first = try await server.attest()
      try await server.remote(first) { client in
        _ = try await entries(client)
        var node = try #require(try await server.datastore.fetchAgent(id: first.id))
        node.serialNumber = "12345"
        _ = try await server.datastore.recordAttestation(of: node)
        #expect(try await failure { try await entries(client) }.code == .permissionDenied)
        #expect(server.log.first("Agent SVID is not active") != nil)
      }
    }
  }

  @Test func theFirstUseOfARenewedSVIDEndsTheOldOne() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let key = TestKey()
      let request = try Spire_Api_Server_Agent_V1_RenewAgentRequest.with { $0.params.csr = try key.csr() }
      try await server.remote(agent) { old in
        let renewed = try TestIdentity(try await Agents.Client(wrapping: old).renewAgent(request).svid, key: key)
        _ = try await entries(old)
        try await server.remote(renewed) { new in _ = try await entries(new) }
        #expect(try await failure { try await entries(old) }.code == .permissionDenied)
      }
    }
  }

  @Test func anAdminEntryCountsFromAndUntilItsAcknowledgement() async throws {
    try await TestServer.with { server in
      let caller = try await server.mint("/admin")
      func count(_ client: RPCClient) async throws -> Int32 {
        try await Agents.Client(wrapping: client).countAgents(.init()).count
      }
      try await server.remote(caller) { client in
        #expect(try await failure { try await count(client) }.code == .permissionDenied)
        let parent = TestServer.id("/spire/agent/x")
        let entry = try await server.createEntry("/admin", parent: parent) { $0.admin = true }
        #expect(try await count(client) == 0)
        let request = Spire_Api_Server_Entry_V1_BatchDeleteEntryRequest.with { $0.ids = [entry.id] }
        _ = try await server.local { try await Entries.Client(wrapping: $0).batchDeleteEntry(request) }
        #expect(try await failure { try await count(client) }.code == .permissionDenied)
      }
    }
  }

  /// Another server on the same database attested the agent: nobody is refused before the datastore was asked.
  @Test func agentsOfOtherServersAreLetInBeforeTheNextPoll() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      var node = try #require(try await server.datastore.fetchAgent(id: agent.id))
      let configuration = SQLDatastoreConfiguration(connectionString: server.folder + "/datastore.sqlite3")
      let theirs = try await SQLDatastore.open(
        configuration, logger: server.log.logger, metrics: .none, time: server.time)
      node.agentVersion = "9"
      _ = try await theirs.deleteAgent(id: agent.id)
      await server.parts.entries.poll()
      #expect(server.parts.entries.agent(agent.id) == nil)
      _ = try await theirs.createAgent(node)
      try await server.remote(agent) { client in
        _ = try await entries(client)
        await server.parts.entries.poll()
        #expect(server.parts.entries.agent(agent.id)?.agentVersion == "9")
        // A ban elsewhere arrives with the events.
        _ = try await theirs.updateAgent(
          AttestedNode(id: agent.id, attestationType: "", serialNumber: "", expiresAt: 0),
          mask: [.serialNumber, .newSerialNumber])
        await server.parts.entries.poll()
        #expect(try await failure { try await entries(client) }.code == .permissionDenied)
      }
      await theirs.close()
    }
  }
}
