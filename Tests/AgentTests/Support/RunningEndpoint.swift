import AgentPlugins
import Foundation
import GRPCCore
import RPC
import SPIFFE

@testable import Agent
@testable import Daemon

/// Runs an endpoint for the time of `body`.
func running(
  _ endpoint: GRPCEndpoint, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Void
) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await endpoint.run() }
    try await body()
    group.cancelAll()
    // How an endpoint ends that was cancelled is its own business.
    do { while try await group.next() != nil {} } catch {}
  }
}

extension TestAgent {
  func adminParts(
    level: LogLevelControl = LogLevelControl(launch: .info), metrics: Metrics = .none,
    attestors: [any WorkloadAttestor] = [FixedAttestor()], delegates: Delegates = Delegates([]),
    brokers: Set<SPIFFEID> = []
  ) -> AdminParts {
    AdminParts(
      startedAt: time.now - 6, logLevel: level, identity: identity, cache: cache, storeCache: storeCache,
      issuer: issuer,
      synchronizer: synchronizer,
      attestation: WorkloadAttestation(attestors: attestors, metrics: .none, logger: logger), earlySync: earlySync,
      server: ServerAddress(host: "server", port: 8081, trustDomain: ca.trustDomain), syncInterval: .seconds(5),
      time: time, metrics: metrics, delegates: delegates, brokers: brokers)
  }

  /// Calls `body` with a client of an admin socket over these parts.
  func withAdmin(
    _ folder: String, _ parts: AdminParts, _ body: @Sendable @escaping (RPCClient) async throws -> Void
  ) async throws {
    try await withSocket(
      folder + "/admin.sock", AdminServices.services(parts), AdminServices.policies, metrics: parts.metrics, body)
  }

  /// Calls `body` with a client of a Unix socket that has these services.
  func withSocket(
    _ path: String, _ services: [any RegistrableRPCService], _ policies: [MethodPolicy], metrics: Metrics = .none,
    behind interceptors: [any ServerInterceptor] = [], _ body: @Sendable @escaping (RPCClient) async throws -> Void
  ) async throws {
    var options = GRPCEndpoint.Options()
    options.shutdown = .hard
    let calls = CallInterceptor(
      policies: policies, authorizer: LocalOnlyAuthorizer(), logger: logger, metrics: metrics, style: .agent)
    let endpoint = GRPCEndpoint(
      socket: try ListeningSocket.unix(path: path, mode: 0o770, directoryMode: 0o755), services: services,
      interceptors: [calls] + interceptors, options: options, time: SystemTime())
    try await running(endpoint) { try await withUnixClient(path) { client in try await body(client) } }
  }

  /// The Workload API over this agent, with callers known by their users.
  func workloadAPIForUsers() -> WorkloadAPI {
    WorkloadAPI(
      attestation: WorkloadAttestation(attestors: [UnixAttestor()], metrics: .none, logger: logger), cache: cache,
      issuer: issuer, earlySync: earlySync, trustDomain: ca.trustDomain, options: .init(), time: time, metrics: .none)
  }

  /// From now on nobody waits for an early sync: the server does not answer.
  func withoutEarlySync() {
    earlySync.syncBegins()
    earlySync.syncEnded(.failed)
  }
}
