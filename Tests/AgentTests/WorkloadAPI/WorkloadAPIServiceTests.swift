import AgentPlugins
import Foundation
import GRPCCore
import RPC
import SPIFFE
import Testing
import WorkloadProtos

@testable import Agent
@testable import Daemon

/// The Workload API on a socket, called by a generated client: header, statuses, caller's process.
@Suite struct WorkloadAPIServiceTests {
  private typealias Client = WorkloadSpiffeWorkloadAPI.Client<ReconnectingTransport>
  private static let header: Metadata = ["workload.spiffe.io": "true"]

  private func withAPI(
    _ agent: TestAgent, _ folder: String, _ body: @Sendable @escaping (Client) async throws -> Void
  ) async throws {
    let service = WorkloadAPIService(agent.workloadAPIForUsers(), processes: HostProcesses())
    try await agent.withSocket(folder + "/api.sock", [service], WorkloadAPIService.policies) { client in
      try await body(Client(wrapping: client))
    }
  }

  private func status(_ body: () async throws -> Void) async -> RPCError? {
    await #expect(throws: RPCError.self) { try await body() }
  }

  @Test func thisProcessGetsTheIdentityOfItsUser() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:\(geteuid())"]))
      try await agent.syncAndSign()
      try await withAPI(agent, folder) { client in
        let response = try await client.fetchX509SVID(.init(), metadata: Self.header) { response in
          for try await message in response.messages { return message }
          return WorkloadX509SVIDResponse()
        }
        #expect(response.svids.map(\.spiffeID) == ["spiffe://example.org/web"])
        var request = WorkloadJWTSVIDRequest()
        request.audience = ["db"]
        let token = try await client.fetchJWTSVID(request, metadata: Self.header)
        #expect(token.svids.count == 1)
        var validation = WorkloadValidateJWTSVIDRequest()
        validation.audience = "db"
        validation.svid = token.svids[0].svid
        let validated = try await client.validateJWTSVID(validation, metadata: Self.header)
        #expect(validated.spiffeID == "spiffe://example.org/web")
      }
    }
  }

  @Test func headerIsRequiredExactlyOnceOnEveryMethod() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      try await withAPI(agent, folder) { client in
        let headers: [Metadata] = [
          [:], ["workload.spiffe.io": "TRUE"], ["workload.spiffe.io": "true", "x": "y", "workload.spiffe.io": "true"],
        ]
        for metadata in headers {
          let errors = [
            await status {
              try await client.fetchX509SVID(.init(), metadata: metadata) { for try await _ in $0.messages {} }
            },
            await status {
              try await client.fetchWITSVID(.init(), metadata: metadata) { for try await _ in $0.messages {} }
            },
            await status { _ = try await client.fetchJWTSVID(.init(), metadata: metadata) },
            await status { _ = try await client.validateJWTSVID(.init(), metadata: metadata) },
          ]
          for error in errors {
            #expect(error?.code == .invalidArgument)
            #expect(error?.message == "security header missing from request")
          }
        }
      }
    }
  }

  @Test func witMethodsAreNotImplementedAndStatusesReachTheCaller() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.earlySync.syncBegins()
      agent.earlySync.syncEnded(.failed)
      try await withAPI(agent, folder) { client in
        let svid = await status {
          try await client.fetchWITSVID(.init(), metadata: Self.header) { for try await _ in $0.messages {} }
        }
        #expect(svid?.code == .unimplemented)
        #expect(svid?.message == "fetching WIT-SVIDs is not implemented")
        let bundles = await status {
          try await client.fetchWITBundles(.init(), metadata: Self.header) { for try await _ in $0.messages {} }
        }
        #expect(bundles?.message == "fetching WIT bundles is not implemented")
        let none = await status {
          try await client.fetchX509Bundles(.init(), metadata: Self.header) { for try await _ in $0.messages {} }
        }
        #expect(none?.code == .permissionDenied)
        #expect(none?.message == "no identity issued")
        let audience = await status { _ = try await client.fetchJWTSVID(.init(), metadata: Self.header) }
        #expect(audience?.code == .invalidArgument)
        #expect(audience?.message == "audience must be specified")
      }
    }
  }

  @Test func healthAsksTheSocket() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let path = folder + "/api.sock"
      let health = AgentHealth(socketPath: path)
      #expect(await health.state() == HealthState(isLive: true, isReady: false))
      health.started()
      #expect(await health.state().isLive == false)
      try await withAPI(agent, folder) { _ in
        // No identity is registered for this process: refused, but available.
        #expect(await health.state() == HealthState(isLive: true, isReady: true))
      }
      #expect(
        await health.state().liveDetails == ["make_new_x509_err": "workload api is unavailable"])
      #expect(await AgentHealth(socketPath: nil).isWorkloadAPIAvailable())
    }
  }
}
