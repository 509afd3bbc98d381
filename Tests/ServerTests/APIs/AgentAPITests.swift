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

/// The Agent service: attestation and reading (server-behaviour §5).
@Suite struct AgentAPITests {
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
        let value = try await server.joinToken()
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

  // MARK: Reading

  @Test func getListAndCount() async throws {
    try await TestServer.with { server in
      let first = try await server.attest()
      let second = try await server.attest()
      try await server.ban(second.id)
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
      try await server.evict(agent.id)
      #expect(try await server.datastore.countEntries() == 0)
      #expect(try await failure { try await server.evict(agent.id) } == Failure(.notFound, "agent not found"))
      #expect(try await failure { try await server.ban(agent.id) } == Failure(.notFound, "agent not found"))
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
}
