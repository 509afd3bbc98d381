import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import Logging
import RPC
import SPIFFE
import SPIREProtos
import ServerPlugins
import SwiftProtobuf
import Testing

@testable import Server

/// Who may be an agent again, as whom, and after what: bans, evictions, and IDs that several nodes come with
/// (server-behaviour §5).
@Suite struct AgentRulesTests {
  private typealias Agents = Spire_Api_Server_Agent_V1_Agent
  private static let shared = TestServer.id("/spire/agent/shared/node")

  /// Every node is the same agent; what it sends becomes its selector.
  private struct Template: NodeAttestor {
    let name: String
    var canReattest = true
    var isFirstUseOnly = false

    func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
      Node(
        agentID: AgentRulesTests.shared, selectorValues: [String(decoding: payload, as: UTF8.self)],
        canReattest: canReattest, isFirstUseOnly: isFirstUseOnly)
    }
  }

  private struct Node: VerifiedNode {
    let agentID: SPIFFEID
    let selectorValues: [String]
    let canReattest: Bool
    let isFirstUseOnly: Bool
  }

  private static let attestors: [any NodeAttestor] = [
    Template(name: "shared"), Template(name: "other"), Template(name: "once", canReattest: false),
    Template(name: "tofu", canReattest: false, isFirstUseOnly: true),
  ]
  private static let used = Failure(
    .permissionDenied, "nodeattestor(tofu): attestation data has already been used to attest an agent")
  private static let banned = Failure(.permissionDenied, "failed to attest: agent is banned")

  private func with(_ body: @escaping @Sendable (TestServer) async throws -> Void) async throws {
    var options = TestServer.Options()
    options.nodeAttestors = Self.attestors
    try await TestServer.with(options, body)
  }

  @discardableResult
  private func attest(_ server: TestServer, _ type: String, _ payload: String = "a") async throws -> TestIdentity {
    let key = TestKey()
    let csr = try key.csr()
    let answer = try await server.remote {
      try await TestServer.attest($0, token: payload, csr: csr, type: type)
    }
    return try TestIdentity(answer.result.svid, key: key)
  }

  private func node(_ server: TestServer) async throws -> AttestedNode {
    try #require(try await server.datastore.fetchAgent(id: Self.shared))
  }

  /// Whether the server listens to this SVID.
  private func isActive(_ server: TestServer, _ identity: TestIdentity) async throws -> Bool {
    try await server.remote(identity) { client in
      do {
        _ = try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client).getAuthorizedEntries(.init())
        return true
      } catch let error as RPCError where error.code == .permissionDenied { return false }
    }
  }

  /// A template that tells two nodes not apart: they are one agent, and the last one is it.
  @Test func twoNodesOfOneIDAreOneAgent() async throws {
    try await with { server in
      let first = try await attest(server, "shared", "one")
      #expect(try await isActive(server, first))
      let second = try await attest(server, "shared", "two")
      #expect(try await server.datastore.countAgents() == 1)
      #expect(
        try await server.datastore.nodeSelectors(of: Self.shared) == [Selector(type: "shared", value: "two")])
      #expect(try await isActive(server, second))
      #expect(try await !isActive(server, first))
    }
  }

  @Test func anAttestorOfAnotherTypeTakesTheIDOver() async throws {
    try await with { server in
      let first = try await attest(server, "shared", "one")
      let second = try await attest(server, "once", "two")
      let node = try await node(server)
      #expect(node.attestationType == "once" && !node.canReattest)
      #expect(try await server.datastore.nodeSelectors(of: Self.shared) == [Selector(type: "once", value: "two")])
      #expect(try await !isActive(server, first))
      #expect(try await isActive(server, second))
      // It may renew now, which the first could not; once it attests by the other type, no more.
      let renewed = try await server.renew(second)
      #expect(try await isActive(server, renewed))
      let third = try await attest(server, "other", "three")
      #expect(try await self.node(server).canReattest)
      #expect(
        try await failure { try await server.renew(third).id }
          == Failure(.permissionDenied, "agent must reattest instead of renew"))
      #expect(
        server.log.records.contains { $0.level == .warning && $0.message.contains("below /spire/agent/other/") })
    }
  }

  /// What is trusted on its first use is refused where the ID is known, whoever it was given to.
  @Test(arguments: ["shared", "tofu"]) func aFirstUseIsNotOfAKnownID(_ type: String) async throws {
    try await with { server in
      let first = try await attest(server, type)
      #expect(try await failure { try await attest(server, "tofu").id } == Self.used)
      #expect(try await isActive(server, first))
      // Evicted, it is forgotten.
      try await server.evict(Self.shared)
      #expect(try await !isActive(server, first))
      let second = try await attest(server, "tofu")
      #expect(try await isActive(server, second))
      #expect(try await !isActive(server, first))
    }
  }

  /// A ban holds for the ID, with whatever attestor it is asked for, until the agent is evicted.
  @Test(arguments: ["shared", "once", "tofu"]) func aBanHoldsForEveryAttestor(_ type: String) async throws {
    try await with { server in
      let first = try await attest(server, type)
      try await server.ban(Self.shared)
      #expect(try await !isActive(server, first))
      for other in ["shared", "other", "once"] {
        #expect(try await failure { try await attest(server, other).id } == Self.banned)
      }
      let tofu = try await failure { try await attest(server, "tofu").id }
      #expect(tofu == Self.banned || tofu == Self.used)
      let kept = try await node(server)
      #expect(kept.isBanned && kept.attestationType == type && kept.serialNumber.isEmpty)
      try await server.evict(Self.shared)
      let again = try await attest(server, type)
      #expect(try await isActive(server, again))
      #expect(try await !isActive(server, first))
    }
  }

  /// A renewed SVID that was not used yet is forgotten by an attestation, and by a ban.
  @Test func anUnusedRenewalDoesNotOutliveAnAttestation() async throws {
    try await with { server in
      let first = try await attest(server, "once")
      let renewed = try await server.renew(first)
      let before = try await node(server)
      #expect(!before.newSerialNumber.isEmpty && before.newSerialNumber != before.serialNumber)
      #expect(before.serialNumber.allSatisfy { $0.isASCII && $0.isNumber })
      let second = try await attest(server, "once")
      #expect(try await node(server).newSerialNumber.isEmpty)
      #expect(try await !isActive(server, renewed))
      #expect(try await isActive(server, second))
      let unused = try await server.renew(second)
      try await server.ban(Self.shared)
      #expect(try await node(server).newSerialNumber.isEmpty)
      #expect(try await !isActive(server, unused))
    }
  }

  /// A token is used up by its agent, also when that agent is gone.
  @Test func anEvictedTokenAgentNeedsAnotherToken() async throws {
    try await with { server in
      let token = try await server.local { client in
        try await Agents.Client(wrapping: client).createJoinToken(.with { $0.ttl = 600 }).value
      }
      let agent = try await server.attest(token: token)
      #expect(try await server.datastore.fetchAgent(id: agent.id)?.canReattest == false)
      try await server.evict(agent.id)
      #expect(
        try await failure { try await server.attest(token: token).id }
          == Failure(.invalidArgument, "failed to attest: join token does not exist or has already been used"))
    }
  }
}
