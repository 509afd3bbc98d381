import Daemon
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

/// The Agent service: attestation, renewal, bans (server-behaviour §5).
@Suite struct AgentAPITests {
  // MARK: Join tokens

  @Test func aTokenAttestsOneAgent() async throws {
    try await TestServer.with { server in
      let identity = try await server.attest(token: try await token(server))
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
      let value = try await token(server)
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
      let value = try await token(server)
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

  // MARK: AttestAgent

  @Test func malformedParamsAreNamed() async throws {
    try await TestServer.with { server in
      let csr = try TestKey().csr()
      var cases: [(Spire_Api_Server_Agent_V1_AttestAgentRequest, String)] = []
      func add(_ text: String, _ change: (inout Spire_Api_Server_Agent_V1_AttestAgentRequest) -> Void) {
        var request = Spire_Api_Server_Agent_V1_AttestAgentRequest()
        request.params.data.type = "join_token"
        request.params.data.payload = Data("x".utf8)
        request.params.params.csr = csr
        change(&request)
        cases.append((request, "malformed param: " + text))
      }
      add("missing params") { $0 = .init() }
      add("missing params") { $0.challengeResponse = Data([1]) }
      add("missing attestation data") { $0.params.clearData() }
      add("missing X509-SVID parameters") { $0.params.clearParams() }
      add("missing CSR") { $0.params.params.csr = Data() }
      add("missing attestation data type") { $0.params.data.type = "" }
      add("missing attestation data payload") { $0.params.data.payload = Data() }
      try await server.remote { client in
        for (request, text) in cases {
          #expect(
            try await failure { try await TestServer.attest(client, request) } == Failure(.invalidArgument, text))
        }
        #expect(
          try await failure { try await TestServer.attest(client, token: "x", csr: csr, type: "nope") }
            == Failure(
              .failedPrecondition,
              "error getting node attestor: could not find node attestor type \"nope\""))
        let value = try await token(server)
        let malformed = try await failure {
          try await TestServer.attest(client, token: value, csr: Data([1, 2, 3]))
        }
        #expect(malformed.code == .invalidArgument)
        #expect(malformed.message.hasPrefix("failed to parse CSR: "))
      }
    }
  }

  @Test func attestationIsRateLimitedPerAddress() async throws {
    var options = TestServer.Options()
    options.limitsAttestation = true
    try await TestServer.with(options) { server in
      _ = try await server.attest()
      let csr = try TestKey().csr()
      try await server.remote { client in
        var request = Spire_Api_Server_Agent_V1_AttestAgentRequest()
        request.params.data.type = "join_token"
        request.params.data.payload = Data("x".utf8)
        request.params.params.csr = csr
        let message = request
        // Told to the server only, so that a slow connection does not matter.
        let refused = try await failure {
          try await Agent.Client(wrapping: client).attestAgent(metadata: ["grpc-timeout": "900m"]) { writer in
            try await writer.write(message)
          } onResponse: { response in
            for try await _ in response.messages {}
          }
        }
        #expect(
          refused
            == Failure(
              .resourceExhausted,
              "rejecting request due to attest agent rate limiting: rate: Wait(n=1) would exceed context deadline"))
      }
    }
  }

  @Test func theAgentIDBecomesASelectorWhenAskedFor() async throws {
    var options = TestServer.Options()
    options.features.agentIDAsSelector = true
    try await TestServer.with(options) { server in
      let agent = try await server.attest()
      #expect(
        try await server.datastore.nodeSelectors(of: agent.id)
          == [Selector(type: "spiffe_id", value: agent.id.description)])
    }
  }

  // MARK: Renewal

  @Test func aRenewedSVIDIsActivatedByItsFirstUse() async throws {
    try await TestServer.with { server in
      let old = try await server.attest()
      let renewed = try await renew(server, old)
      let before = try #require(try await server.datastore.fetchAgent(id: old.id))
      #expect(!before.newSerialNumber.isEmpty)
      // The old one is good until the new one is used.
      try await post(server, old)
      try await post(server, renewed)
      let after = try #require(try await server.datastore.fetchAgent(id: old.id))
      #expect(after.serialNumber == before.newSerialNumber)
      #expect(after.newSerialNumber == "")
      #expect(after.newExpiresAt == 0)
      let refused = try await rpcError { try await post(server, old) }
      #expect(refused.code == .permissionDenied)
      #expect(reason(refused) == .agentNotActive)
      try await post(server, renewed)
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
        try await post(client)
        try await ban(server, agent.id)
        let refused = try await rpcError { try await post(client) }
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
      let value = try await token(server)
      let agent = try await server.attest(token: value)
      try await ban(server, agent.id)
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
        try await post(client)
        try await delete(server, agent.id)
        #expect(reason(try await rpcError { try await post(client) }) == .agentNotAttested)
      }
    }
  }

  @Test func anExpiredSVIDIsRefusedOnAnOpenConnection() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        try await post(client)
        server.time.advance(by: .seconds(3601))
        #expect(reason(try await rpcError { try await post(client) }) == .agentExpired)
      }
    }
  }

  // MARK: Reading

  @Test func getListAndCount() async throws {
    try await TestServer.with { server in
      let first = try await server.attest()
      let second = try await server.attest()
      try await ban(server, second.id)
      try await server.datastore.setNodeSelectors([Selector(type: "a", value: "b")], of: first.id)
      try await server.local { client in
        let service = Agent.Client(wrapping: client)
        var get = Spire_Api_Server_Agent_V1_GetAgentRequest()
        get.id = first.id.api
        let whole = try await service.getAgent(get)
        #expect(whole.attestationType == "join_token")
        #expect(whole.selectors.map(\.value) == ["b"])
        #expect(whole.x509SvidExpiresAt == Int64(server.time.now.timeIntervalSince1970) + 3600)
        get.outputMask = .init()
        let masked = try await service.getAgent(get)
        #expect(masked.hasID)
        #expect(masked.attestationType == "" && masked.selectors.isEmpty && masked.x509SvidSerialNumber == "")

        get.id = TestServer.id("/spire/agent/none/x").api
        #expect(
          try await failure { try await service.getAgent(get) } == Failure(.notFound, "agent not found"))
        get.id = TestServer.id("/web").api
        #expect(
          try await failure { try await service.getAgent(get) }
            == Failure(
              .invalidArgument,
              "invalid agent ID: \"spiffe://example.org/web\" is not an agent in trust domain \"example.org\"; "
                + "path is not in the agent namespace"))
        #expect(
          try await failure { try await service.getAgent(.init()) }
            == Failure(.invalidArgument, "invalid agent ID: request must specify SPIFFE ID"))

        var count = Spire_Api_Server_Agent_V1_CountAgentsRequest()
        #expect(try await service.countAgents(count).count == 2)
        count.filter.byBanned.value = true
        #expect(try await service.countAgents(count).count == 1)

        var list = Spire_Api_Server_Agent_V1_ListAgentsRequest()
        list.pageSize = 1
        var seen: [String] = []
        for _ in 0..<5 {
          let page = try await service.listAgents(list)
          seen += page.agents.map(\.id.path)
          list.pageToken = page.nextPageToken
          if page.nextPageToken.isEmpty { break }
        }
        #expect(seen == [first.id.path, second.id.path])
        list = .init()
        list.filter.bySelectorMatch = .init()
        #expect(
          try await failure { try await service.listAgents(list) }
            == Failure(.invalidArgument, "failed to parse selectors: empty selector set"))
        list = .init()
        list.filter.byExpiresBefore = "2026-11-21 23:00:00 +0000 +00"
        #expect(try await service.listAgents(list).agents.count == 2)
        list.filter.byExpiresBefore = "2026-11-21 22:00:00 +0100 +01"
        #expect(try await service.listAgents(list).agents.count == 0)
        list.filter.byExpiresBefore = "tomorrow"
        #expect(try await failure { try await service.listAgents(list) }.code == .invalidArgument)
      }
    }
  }

  @Test func deletingRemovesTheAliasEntry() async throws {
    try await TestServer.with { server in
      var request = Spire_Api_Server_Agent_V1_CreateJoinTokenRequest()
      request.ttl = 60
      request.agentID = TestServer.id("/host").api
      let message = request
      let value = try await server.local { try await Agent.Client(wrapping: $0).createJoinToken(message).value }
      let agent = try await server.attest(token: value)
      #expect(try await server.datastore.countEntries() == 1)
      try await delete(server, agent.id)
      #expect(try await server.datastore.countEntries() == 0)
      #expect(try await failure { try await delete(server, agent.id) } == Failure(.notFound, "agent not found"))
      #expect(try await failure { try await ban(server, agent.id) } == Failure(.notFound, "agent not found"))
      let line = try #require(server.log.first("Agent not found"))
      #expect(line.level == .error)
      #expect(line.fields["error"] == nil)
      #expect(line.fields["spiffe_id"] == agent.id.description)
    }
  }

  @Test func postStatusStoresTheVersion() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await server.remote(agent) { client in
        var request = Spire_Api_Server_Agent_V1_PostStatusRequest()
        request.agentVersion = "1.15.3"
        _ = try await Agent.Client(wrapping: client).postStatus(request)
        request.agentVersion = String(repeating: "x", count: 256)
        #expect(
          try await failure { try await Agent.Client(wrapping: client).postStatus(request) }
            == Failure(.invalidArgument, "agent version is too long (max 255 characters)"))
      }
      #expect(try await server.datastore.fetchAgent(id: agent.id)?.agentVersion == "1.15.3")
      let line = try #require(server.log.first("Agent status updated"))
      #expect(line.fields["agent_version"] == "1.15.3")
      #expect(line.fields["authorized_as"] == "agent")
      #expect(line.fields["authorized_via"] == "datastore")
      #expect(line.fields["caller_id"] == agent.id.description)
    }
  }

  // MARK: Steps

  private func token(_ server: TestServer) async throws -> String {
    try await server.local { client in
      var request = Spire_Api_Server_Agent_V1_CreateJoinTokenRequest()
      request.ttl = 600
      return try await Agent.Client(wrapping: client).createJoinToken(request).value
    }
  }

  private func post(_ client: RPCClient) async throws {
    _ = try await Agent.Client(wrapping: client).postStatus(.init())
  }

  private func post(_ server: TestServer, _ identity: TestIdentity) async throws {
    try await server.remote(identity) { try await post($0) }
  }

  private func ban(_ server: TestServer, _ id: SPIFFEID) async throws {
    try await server.local { client in
      var request = Spire_Api_Server_Agent_V1_BanAgentRequest()
      request.id = id.api
      _ = try await Agent.Client(wrapping: client).banAgent(request)
    }
  }

  private func delete(_ server: TestServer, _ id: SPIFFEID) async throws {
    try await server.local { client in
      var request = Spire_Api_Server_Agent_V1_DeleteAgentRequest()
      request.id = id.api
      _ = try await Agent.Client(wrapping: client).deleteAgent(request)
    }
  }

  private func renew(_ server: TestServer, _ identity: TestIdentity) async throws -> TestIdentity {
    let key = TestKey()
    var request = Spire_Api_Server_Agent_V1_RenewAgentRequest()
    request.params.csr = try key.csr()
    let message = request
    let response = try await server.remote(identity) { try await Agent.Client(wrapping: $0).renewAgent(message) }
    return try TestIdentity(response.svid, key: key)
  }

  private func rpcError(_ body: () async throws -> some Sendable) async throws -> RPCError {
    do { _ = try await body() } catch let error as RPCError { return error }
    throw Unexpected()
  }

  private func reason(_ error: RPCError) -> Spire_Api_Types_PermissionDeniedDetails.Reason? {
    error.detail(Spire_Api_Types_PermissionDeniedDetails.self)?.reason
  }
}
