import Authority
package import Daemon
package import GRPCCore
package import Logging
package import RPC
import SPIREProtos

/// The gRPC services of the server and the table of who may call what, for both endpoints (server-behaviour §7.3).
package struct ServerServices: Sendable {
  private let parts: ServerParts
  private let calls: CallInterceptor
  private let authorizer: any CallAuthorizer

  /// - Parameters:
  ///   - logger: the server's logger without a subsystem.
  ///   - auditing: `audit_log_enabled`.
  package init(
    parts: ServerParts, authorizer: any CallAuthorizer, limits: RateLimits, logger: Logger, metrics: Metrics,
    auditing: Bool = false
  ) {
    self.parts = parts
    self.authorizer = authorizer
    calls = CallInterceptor(
      policies: Self.policies(limits), authorizer: authorizer, logger: logger.with(subsystem: "api"), metrics: metrics,
      auditing: auditing)
  }

  /// What stands before every method: policy, authorization, counters, audit.
  package var interceptors: [any ServerInterceptor] { [calls] }

  /// The services of the TCP endpoint.
  package var remote: [any RegistrableRPCService] {
    [
      AgentAPI(parts), BundleAPI(parts), EntryAPI(parts), SVIDAPI(parts), TrustDomainAPI(parts),
      LocalAuthorityAPI(parts), ExplainAPI(parts), WatchAPI(parts, authorizer: authorizer),
      RotationAPI(parts),
    ]
  }

  /// The services of the admin socket.
  package var local: [any RegistrableRPCService] {
    let services: [any RegistrableRPCService] = remote + [LoggerAPI(parts), HealthAPI(parts), DebugAPI(parts)]
    return services + [ReflectionService(of: services)]
  }

  /// A row for every method of every service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      AgentMethods.policies, BundleMethods.policies, EntryMethods.policies, SVIDMethods.policies,
      TrustDomainMethods.policies, LocalAuthorityMethods.policies, LoggerMethods.policies, HealthMethods.policies,
      DebugMethods.policies, ExplainMethods.policies, WatchMethods.policies, RotationMethods.policies,
    ].flatMap { $0(limits) } + ReflectionService.policies(callers: .local)
  }
}
