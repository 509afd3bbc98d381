import Daemon
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

/// What works, and what fails how, while there is no datastore.
@Suite struct OutageTests {
  private typealias Agents = Spire_Api_Server_Agent_V1_Agent
  private typealias Bundles = Spire_Api_Server_Bundle_V1_Bundle
  private typealias Entries = Spire_Api_Server_Entry_V1_Entry
  private typealias SVIDs = Spire_Api_Server_Svid_V1_SVID

  /// A client that knows the server's bundle from before.
  private func remote<T: Sendable>(
    _ server: TestServer, _ bundle: SPIFFE.Bundle, _ identity: TestIdentity, _ body: (RPCClient) async throws -> T
  ) async throws -> T {
    let now = server.time.now
    let tls = ClientTLS(server: .spiffe(id: TestServer.id("/spire/server"), bundle: { bundle }), now: { now }) {
      identity.credential
    }
    return try await withTLSClient(host: "127.0.0.1", port: server.port, tls: tls, body)
  }

  private func federate(_ server: TestServer, with name: String) async throws {
    try await server.local { client in
      var set = Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleRequest()
      var bundle = Spire_Api_Types_Bundle()
      bundle.trustDomain = name
      bundle.refreshHint = 77
      set.bundle = [bundle]
      let results = try await Bundles.Client(wrapping: client).batchSetFederatedBundle(set).results
      #expect(results.map(\.status.code) == [0])
    }
  }

  private func federated(_ client: RPCClient, _ name: String) async throws -> Int64 {
    var get = Spire_Api_Server_Bundle_V1_GetFederatedBundleRequest()
    get.trustDomain = name
    return try await Bundles.Client(wrapping: client).getFederatedBundle(get).refreshHint
  }

  private func end(_ server: TestServer) async throws {
    try await #require(server.datastore as? SQLDatastore).close()
    server.time.advance(by: .seconds(30))
  }

  @Test func agentsAreServedOverNewConnections() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let renewing = try await server.attest()
      let renewed = try await server.renew(renewing)
      let entry = try await server.createEntry("/web", parent: agent.id)
      let csr = try TestKey().csr()
      try await federate(server, with: "known.test")
      let bundle = try #require(try await server.datastore.fetchBundle(of: TestServer.domain))
      #expect(try await server.remote(agent) { try await federated($0, "known.test") } == 77)
      try await end(server)

      try await remote(server, bundle, agent) { client in
        let entries = try await Entries.Client(wrapping: client).getAuthorizedEntries(.init()).entries
        #expect(entries.map(\.id) == [entry.id])
        var batch = Spire_Api_Server_Svid_V1_BatchNewX509SVIDRequest()
        batch.params = [
          .with {
            $0.entryID = entry.id; $0.csr = csr
          }
        ]
        #expect(try await SVIDs.Client(wrapping: client).batchNewX509SVID(batch).results.map(\.status.code) == [0])
        let jwt = Spire_Api_Server_Svid_V1_NewJWTSVIDRequest.with {
          $0.entryID = entry.id; $0.audience = ["a"]
        }
        #expect(try await !SVIDs.Client(wrapping: client).newJWTSVID(jwt).svid.token.isEmpty)
        #expect(try await Bundles.Client(wrapping: client).getBundle(.init()).x509Authorities.count == 1)
        #expect(try await federated(client, "known.test") == 77)
        // What needs a write fails so that the agent tries again.
        let renewal = Spire_Api_Server_Agent_V1_RenewAgentRequest.with { $0.params.csr = csr }
        let refused = try await failure { try await Agents.Client(wrapping: client).renewAgent(renewal) }
        #expect(refused.code == .unavailable && refused.message.hasPrefix("failed to update agent: "), "\(refused)")
      }
      // An SVID that was renewed before and is used now for the first time; and the one before it.
      for identity in [renewed, renewing] {
        let count = try await remote(server, bundle, identity) { client in
          try await Entries.Client(wrapping: client).getAuthorizedEntries(.init()).entries.count
        }
        #expect(count == 0)
      }
    }
  }

  @Test func whatNeedsTheDatastoreIsUnavailable() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let stranger = try await server.mint("/stranger")
      try await federate(server, with: "changed.test")
      let bundle = try #require(try await server.datastore.fetchBundle(of: TestServer.domain))
      try await server.remote(agent) { _ = try await Bundles.Client(wrapping: $0).getBundle(.init()) }
      try await end(server)

      try await server.local { client in
        let entries = Entries.Client(wrapping: client)
        let list = try await failure { try await entries.listEntries(.init()) }
        #expect(list == Failure(.unavailable, "failed to list entries: datastore-sql: the datastore is closed"))
        var create = Spire_Api_Server_Entry_V1_BatchCreateEntryRequest()
        create.entries = [TestServer.entry("/new", parent: agent.id)]
        do {
          let status = try await entries.batchCreateEntry(create).results[0].status
          #expect(status.code == Int32(RPCError.Code.unavailable.rawValue), "\(status)")
          #expect(status.message.contains("the datastore is closed"))
        } catch let error as RPCError {
          #expect(error.code == .unavailable && error.message.contains("the datastore is closed"), "\(error)")
        }
        var token = Spire_Api_Server_Agent_V1_CreateJoinTokenRequest()
        token.ttl = 60
        let message = token
        let refused = try await failure { try await Agents.Client(wrapping: client).createJoinToken(message) }
        #expect(refused.code == .unavailable)
        // Changed by this server and not read since: no older one is given out.
        #expect(try await failure { try await federated(client, "changed.test") }.code == .unavailable)
      }
      // Nobody can say whether it is an administrator.
      let refused = try await failure {
        try await remote(server, bundle, stranger) { try await Entries.Client(wrapping: $0).listEntries(.init()) }
      }
      #expect(refused.code == .unavailable && refused.message.hasPrefix("unable to look up entries"), "\(refused)")
    }
  }
}
