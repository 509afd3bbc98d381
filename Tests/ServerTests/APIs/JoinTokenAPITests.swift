import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import Logging
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Server

private typealias Agent = Spire_Api_Server_Agent_V1_Agent

/// Join tokens: made, used once, and what they leave behind (server-behaviour §5.2).
@Suite struct JoinTokenAPITests {
  @Test func aTokenAttestsOneAgent() async throws {
    try await TestServer.with { server in
      let identity = try await server.attest(token: try await server.joinToken())
      #expect(identity.id.path.hasPrefix("/spire/agent/join_token/"))
      let stored = try #require(try await server.datastore.fetchAgent(id: identity.id))
      #expect(stored.attestationType == "join_token")
      #expect(!stored.canReattest)
      #expect(!stored.isBanned)
      let line = try #require(server.log.first("Agent attestation request completed"))
      #expect(line.fields["agent_id"] == identity.id.description)
      #expect(line.fields["node_attestor_type"] == "join_token")
      #expect(line.fields["authorized_as"] == "nobody")
      #expect(line.fields["authorized_via"] == "")
      #expect(line.fields["subsystem_name"] == "api")
      #expect(line.fields["service"] == "agent.v1.Agent")
      #expect(line.fields["address"] == line.fields["caller_addr"])
    }
  }

  @Test func aTokenIsConsumedOnceUnderConcurrency() async throws {
    try await TestServer.with { server in
      let value = try await server.joinToken()
      let outcomes = await withTaskGroup(of: String.self) { group in
        for _ in 0..<12 {
          group.addTask {
            do {
              _ = try await server.attest(token: value)
              return "ok"
            } catch let error as RPCError {
              return error.message
            } catch {
              return "\(error)"
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(outcomes.filter { $0 == "ok" }.count == 1)
      #expect(
        outcomes.filter { $0 == "failed to attest: join token does not exist or has already been used" }.count == 11)
    }
  }

  @Test func anExpiredTokenIsGone() async throws {
    try await TestServer.with { server in
      let value = try await server.joinToken()
      server.time.advance(by: .seconds(601))
      #expect(
        try await failure { try await server.attest(token: value) } == Failure(.invalidArgument, "join token expired"))
      #expect(try await server.datastore.fetchJoinToken(value) == nil)
    }
  }

  @Test func createJoinTokenChecksBeforeItStores() async throws {
    try await TestServer.with { server in
      try await server.local { client in
        let agent = Agent.Client(wrapping: client)
        var request = Spire_Api_Server_Agent_V1_CreateJoinTokenRequest()
        #expect(
          try await failure { try await agent.createJoinToken(request) }
            == Failure(.invalidArgument, "ttl is required, you must provide one"))
        request.ttl = 60
        request.token = "mine"
        request.agentID = TestServer.id("/spire/nope").api
        #expect(
          try await failure { try await agent.createJoinToken(request) }
            == Failure(
              .invalidArgument,
              "invalid agent ID: \"spiffe://example.org/spire/nope\" is not a workload in trust domain \"example.org\"; "
                + "path is in the reserved namespace"))
        #expect(try await server.datastore.fetchJoinToken("mine") == nil)
        request.agentID = TestServer.id("/host").api
        let made = try await agent.createJoinToken(request)
        #expect(made.value == "mine")
        #expect(made.expiresAt == Int64(server.time.now.timeIntervalSince1970) + 60)
        #expect(try await failure { try await agent.createJoinToken(request) }.code == .internalError)
      }
      let alias = try #require(try await server.datastore.listEntries().first)
      #expect(alias.spiffeID == TestServer.id("/host"))
      #expect(alias.parentID == TestServer.id("/spire/agent/join_token/mine"))
      #expect(alias.selectors == [Selector(type: "spiffe_id", value: alias.parentID.description)])
      let line = try #require(server.log.first("Invalid argument: ttl is required, you must provide one"))
      #expect(line.fields["method"] == "CreateJoinToken")
      #expect(line.fields["authorized_as"] == "local")
      #expect(line.fields["authorized_via"] == "transport")
    }
  }
}
