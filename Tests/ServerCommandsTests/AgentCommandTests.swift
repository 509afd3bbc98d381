import CommandTesting
import Daemon
import Flags
import Foundation
import GRPCCore
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import ServerCommands

@Suite struct AgentCommandTests {
  private typealias Method = Spire_Api_Server_Agent_V1_Agent.Method

  private static func agent(_ path: String, expiresAt: Int64 = 1_795_295_445) -> Spire_Api_Types_Agent {
    .with {
      $0.id = .with { ($0.trustDomain, $0.path) = ("a", path) }
      $0.attestationType = "x509pop"
      $0.x509SvidExpiresAt = expiresAt
      $0.x509SvidSerialNumber = "7"
      $0.selectors = [.with { ($0.type, $0.value) = ("x", "y:z") }, .with { ($0.type, $0.value) = ("x", "w") }]
    }
  }

  /// A server with agents, in pages of one.
  private static func listing(
    _ agents: [Spire_Api_Types_Agent],
    _ check: @Sendable @escaping (Spire_Api_Server_Agent_V1_ListAgentsRequest.Filter) -> Void = { _ in }
  ) -> [any FakeMethod] {
    [
      Unary<Spire_Api_Server_Agent_V1_ListAgentsRequest, Spire_Api_Server_Agent_V1_ListAgentsResponse>(
        Method.ListAgents.descriptor
      ) { request in
        check(request.filter)
        let index = Int(request.pageToken) ?? 0
        return .with {
          $0.agents = Array(agents.dropFirst(index).prefix(1))
          $0.nextPageToken = index + 1 < agents.count ? "\(index + 1)" : ""
        }
      },
      Unary<Spire_Api_Server_Agent_V1_DeleteAgentRequest, Google_Protobuf_Empty>(Method.DeleteAgent.descriptor) {
        request in
        if request.id.path == "/stuck" { throw RPCError(code: .internalError, message: "no") }
        return Google_Protobuf_Empty()
      },
      Unary<Spire_Api_Server_Agent_V1_BanAgentRequest, Google_Protobuf_Empty>(Method.BanAgent.descriptor) { _ in
        Google_Protobuf_Empty()
      },
      Unary<Spire_Api_Server_Agent_V1_GetAgentRequest, Spire_Api_Types_Agent>(Method.GetAgent.descriptor) { _ in
        agents[0]
      },
    ]
  }

  @Test func selectorsFollowTheShownAgent() async throws {
    var banned = Self.agent("/x")
    banned.banned = true
    banned.canReattest = true
    let outcome = try await run("agent show -spiffeID spiffe://a/x", methods: Self.listing([banned]))
    #expect(
      outcome.stdout.contains("\nBanned            : true\nCan re-attest     : true\n\nSelectors         : x:y:z\n"))
    #expect(outcome.stdout.hasSuffix("Selectors         : x:w\n"))
    #expect(!outcome.stdout.contains("Serial number"))
  }

  /// Where the server tells agents of changes at once, people see how up to date they are; programs see what they saw.
  @Test func watchingAgentsAreShownToPeople() async throws {
    let agents = [Self.agent("/x"), Self.agent("/y"), Self.agent("/z")]
    let watching = Unary<Swiftspire_Server_Watch_V1_ListWatchesRequest, Swiftspire_Server_Watch_V1_ListWatchesResponse>(
      Swiftspire_Server_Watch_V1_Watch.Method.ListWatches.descriptor
    ) { request in
      .with {
        let isSecond = request.pageToken == "next"
        $0.watches = [
          .with {
            $0.agent = agents[isSecond ? 1 : 0].id
            $0.appliedRevision = 7
            $0.lagMs = isSecond ? 250 : 0
          }
        ]
        $0.nextPageToken = isSecond ? "" : "next"
      }
    }
    let methods = Self.listing(agents) + [watching]
    let list = try await run("agent list", methods: methods)
    #expect(
      list.stdout.contains("Watching          : revision 7 applied, up to date\n\nSPIFFE ID         : spiffe://a/y"))
    #expect(
      list.stdout.contains(
        "Watching          : revision 7 applied, behind for 250 ms\n\nSPIFFE ID         : spiffe://a/z"))
    #expect(list.stdout.components(separatedBy: "Watching").count == 3)
    let show = try await run("agent show -spiffeID spiffe://a/x", methods: methods)
    #expect(show.stdout.contains("Watching          : revision 7 applied, up to date\n\nSelectors"))
    let json = try await run("agent list -output json", methods: methods)
    #expect(json == (try await run("agent list -output json", methods: Self.listing(agents))))
  }

  @Test func allPagesAreListed() async throws {
    let agents = [Self.agent("/x"), Self.agent("/y"), Self.agent("/z")]
    let outcome = try await run(
      "agent list -selector x:y:z -matchSelectorsOn any -canReattest true -banned maybe -attestationType x509pop "
        + "-expiresBefore", more: ["2026-11-21 20:10:45 +0000 +00"],
      methods: Self.listing(agents) { filter in
        #expect(filter.bySelectorMatch.match == .matchAny)
        #expect(filter.bySelectorMatch.selectors.map(\.value) == ["y:z"])
        #expect(filter.hasByCanReattest && filter.byCanReattest.value)
        #expect(!filter.hasByBanned)
        #expect(filter.byAttestationType == "x509pop")
        #expect(filter.byExpiresBefore == "2026-11-21 20:10:45 +0000 +00")
      })
    #expect(outcome.stdout.hasPrefix("Found 3 attested agents:\n\nSPIFFE ID         : spiffe://a/x\n"))
    #expect(outcome.stdout.split(separator: "\n").filter { $0.hasPrefix("SPIFFE ID") }.count == 3)
    #expect(try await run("agent list", methods: Self.listing([])) == .success("No attested agents found\n"))
  }

  @Test func banAndEvictSaySo() async throws {
    let methods = Self.listing([])
    #expect(
      try await run("agent ban -spiffeID spiffe://a/x", methods: methods) == .success("Agent banned successfully\n"))
    #expect(
      try await run("agent evict -spiffeID spiffe://a/x", methods: methods)
        == .success("Agent evicted successfully\n"))
    #expect(try await run("agent ban -spiffeID spiffe://a/x -output json", methods: methods) == .success("{}\n"))
  }

  @Test func purgeTakesOnlyTheLongExpired() async throws {
    let now: Int64 = 1_795_291_845
    let agents = [
      Self.agent("/old", expiresAt: now - 3601), Self.agent("/stuck", expiresAt: now - 9999),
      Self.agent("/new", expiresAt: now - 3599),
    ]
    let methods = Self.listing(agents) { #expect($0.byCanReattest.value) }
    func purge(_ arguments: String...) async throws -> Outcome {
      try await withEndpoint(methods) { path in
        let captured = CapturedIO(environment: ["SPIRE_SERVER_PRIVATE_SOCKET": path])
        let command = AgentPurge(time: TestTime(Date(timeIntervalSince1970: Double(now))))
        let code = await command.execute(arguments, io: captured.io)
        return Outcome(code: code, stdout: captured.stdout, stderr: captured.stderr)
      }
    }
    #expect(try await purge() == .success("No agents to purge.\n"))
    #expect(
      try await purge("-expiredFor", "1h")
        == .success(
          "Found 2 expired agents\n\nAgents purged:\nSPIFFE ID         : spiffe://a/old\n"
            + "Agents not purged:\nSPIFFE ID         : spiffe://a/stuck\n"
            + "Error             : rpc error: code = Internal desc = no\n"))
    #expect(
      try await purge("-expiredFor", "1h", "-dryRun")
        == .success(
          "Found 2 expired agents\n\n\nAgents that can be purged:\nSPIFFE ID         : spiffe://a/old\n"
            + "SPIFFE ID         : spiffe://a/stuck\n"))
    #expect(
      try await purge("-expiredFor", "1h", "-output", "json")
        == .success(
          #"{"expired_agents":[{"agent_id":"spiffe://a/old","deleted":true},{"agent_id":"spiffe://a/stuck","#
            + #""deleted":false,"error":"rpc error: code = Internal desc = no"}]}"# + "\n"))
  }
}
