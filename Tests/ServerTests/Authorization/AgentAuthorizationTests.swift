import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import Logging
import RPC
import SPIFFE
import SPIREProtos
import SQLDatastore
import ServerPlugins
import SwiftProtobuf
import Testing

@testable import Server

private typealias Agent = Spire_Api_Server_Agent_V1_Agent

/// Whether an agent is in force, asked at every call: connections outlive renewals, bans and expiry
/// (server-behaviour §5.3, §5.4).
@Suite struct AgentAuthorizationTests {
  // MARK: Renewal

  @Test func aRenewedSVIDIsActivatedByItsFirstUse() async throws {
    try await TestServer.with { server in
      let old = try await server.attest()
      let renewed = try await server.renew(old)
      let before = try #require(try await server.datastore.fetchAgent(id: old.id))
      #expect(!before.newSerialNumber.isEmpty)
      // The old one is good until the new one is used.
      try await server.postStatus(as: old)
      try await server.postStatus(as: renewed)
      let after = try #require(try await server.datastore.fetchAgent(id: old.id))
      #expect(after.serialNumber == before.newSerialNumber)
      #expect(after.newSerialNumber == "")
      #expect(after.newExpiresAt == 0)
      let refused = try await rpcError { try await server.postStatus(as: old) }
      #expect(refused.code == .permissionDenied)
      #expect(reason(refused) == .agentNotActive)
      try await server.postStatus(as: renewed)
      #expect(server.log.first("Agent SVID is not active") != nil)
      #expect(server.log.first("Failed to authenticate caller") != nil)
    }
  }

  @Test func renewalChecksInOrder() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        let service = Agent.Client(wrapping: client)
        var request = Spire_Api_Server_Agent_V1_RenewAgentRequest()
        #expect(
          try await failure { try await service.renewAgent(request) }
            == Failure(.invalidArgument, "params cannot be nil"))
        request.params = .init()
        #expect(
          try await failure { try await service.renewAgent(request) } == Failure(.invalidArgument, "missing CSR"))
        request.params.csr = Data([1])
        let malformed = try await failure { try await service.renewAgent(request) }
        #expect(malformed.message.hasPrefix("failed to parse CSR: "))
        // One that can attest again has to.
        var node = try #require(try await server.datastore.fetchAgent(id: agent.id))
        node.canReattest = true
        _ = try await server.datastore.updateAgent(node, mask: .canReattest)
        let refused = try await rpcError { try await service.renewAgent(request) }
        #expect(refused.code == .permissionDenied)
        #expect(refused.message == "agent must reattest instead of renew")
        #expect(reason(refused) == .agentMustReattest)
      }
    }
  }

  // MARK: Bans, eviction, expiry: effective at the next call on an open connection

  @Test func aBanHoldsFromTheNextCall() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        try await TestServer.postStatus(client)
        try await server.ban(agent.id)
        let refused = try await rpcError { try await TestServer.postStatus(client) }
        #expect(refused.code == .permissionDenied)
        #expect(
          refused.message == "authorization denied for method /spire.api.server.agent.v1.Agent/PostStatus")
        #expect(reason(refused) == .agentBanned)
      }
      #expect(server.log.first("Agent is banned") != nil)
    }
  }

  @Test func aBannedAgentCannotAttestAgain() async throws {
    try await TestServer.with { server in
      let value = try await server.joinToken()
      let agent = try await server.attest(token: value)
      try await server.ban(agent.id)
      try await server.datastore.createJoinToken(
        JoinToken(value: value, expiresAt: Int64(server.time.now.timeIntervalSince1970) + 60))
      #expect(
        try await failure { try await server.attest(token: value) }
          == Failure(.permissionDenied, "failed to attest: agent is banned"))
      #expect(try await server.datastore.fetchAgent(id: agent.id)?.isBanned == true)
    }
  }

  @Test func anEvictedAgentIsNotAttested() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        try await TestServer.postStatus(client)
        try await server.evict(agent.id)
        #expect(reason(try await rpcError { try await TestServer.postStatus(client) }) == .agentNotAttested)
      }
    }
  }

  @Test func anExpiredSVIDIsRefusedOnAnOpenConnection() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        try await TestServer.postStatus(client)
        server.time.advance(by: .seconds(3601))
        #expect(reason(try await rpcError { try await TestServer.postStatus(client) }) == .agentExpired)
      }
    }
  }

  // MARK: Every method that agents may call, on a connection that was opened before

  /// What happens to an agent while it is connected, and the reason of the refusals that follow.
  static let fates: [(name: String, reason: Spire_Api_Types_PermissionDeniedDetails.Reason, logged: String)] = [
    ("banned", .agentBanned, "Agent is banned"), ("evicted", .agentNotAttested, "Agent is not attested"),
    ("expired", .agentExpired, "Agent SVID is expired"),
    ("attested again", .agentNotActive, "Agent SVID is not active"),
  ]

  /// - Parameter elsewhere: the change is made by another server on the same database, and seen at the next poll.
  @Test(.timeLimit(.minutes(3)), arguments: AgentAuthorizationTests.fates.map(\.name), [false, true])
  func theNextCallIsRefused(_ fate: String, elsewhere: Bool) async throws {
    let row = try #require(Self.fates.first { $0.name == fate })
    var options = TestServer.Options()
    options.nodeAttestors = [Trusting()]
    try await TestServer.with(options) { server in
      let agent = try await attest(server)
      let methods = MethodTableTests.rows.filter { $0.callers.contains("g") }
      #expect(methods.count == 9)
      try await server.remote(agent) { client in
        for row in methods {
          let code = await RawCall.code(client, row.service, row.method)
          #expect(!code.message.hasPrefix("authorization denied"), "\(row.method): \(code)")
        }
        switch (fate, elsewhere) {
        case ("banned", false): try await server.ban(agent.id)
        case ("evicted", false): try await server.evict(agent.id)
        case ("expired", _): server.time.advance(by: .seconds(3601))
        case (_, false): _ = try await attest(server)
        default:
          try await change(agent.id, fate, beside: server)
          await server.parts.entries.poll()
        }
        for method in methods {
          let full = "/\(method.service)/\(method.method)"
          let denied = try #require(await RawCall.error(client, method.service, method.method), "\(full) \(fate)")
          #expect(denied.message == "authorization denied for method \(full)")
          // An agent is never asked about where others may call too, and are not it.
          #expect(denied.detail(Spire_Api_Types_PermissionDeniedDetails.self)?.reason == row.reason, "\(full)")
        }
        // What anybody may call stays open on the same connection.
        let open = await RawCall.code(client, "spire.api.server.bundle.v1.Bundle", "GetBundle")
        #expect(open == Failure(.unknown, "OK"))
      }
      #expect(server.log.all(row.logged).count == methods.count)
      #expect(server.log.all("Failed to authenticate caller").count == methods.count)
    }
  }

  /// What another server writes when it bans, evicts or attests the agent.
  private func change(_ id: SPIFFEID, _ fate: String, beside server: TestServer) async throws {
    let theirs = try await SQLDatastore.open(
      SQLDatastoreConfiguration(connectionString: server.folder + "/datastore.sqlite3"), logger: server.log.logger,
      metrics: .none, time: server.time)
    switch fate {
    case "banned":
      _ = try await theirs.updateAgent(
        AttestedNode(id: id, attestationType: "", serialNumber: "", expiresAt: 0),
        mask: [.serialNumber, .newSerialNumber])
    case "evicted": _ = try await theirs.deleteAgent(id: id)
    default:
      var node = try #require(try await theirs.fetchAgent(id: id))
      node.serialNumber = "12345"
      _ = try await theirs.recordAttestation(of: node)
    }
    await theirs.close()
  }

  /// Lets one agent attest as often as it likes.
  private struct Trusting: NodeAttestor {
    let name = "trusting"

    struct Node: VerifiedNode {
      let agentID = TestServer.id("/spire/agent/trusting/one")
      let canReattest = true
    }

    func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode { Node() }
  }

  private func attest(_ server: TestServer) async throws -> TestIdentity {
    let key = TestKey()
    let csr = try key.csr()
    let response = try await server.remote {
      try await TestServer.attest($0, token: "x", csr: csr, type: "trusting")
    }
    return try TestIdentity(response.result.svid, key: key)
  }

  private func rpcError(_ body: () async throws -> some Sendable) async throws -> RPCError {
    do { _ = try await body() } catch let error as RPCError { return error }
    throw Unexpected()
  }

  private func reason(_ error: RPCError) -> Spire_Api_Types_PermissionDeniedDetails.Reason? {
    error.detail(Spire_Api_Types_PermissionDeniedDetails.self)?.reason
  }
}
