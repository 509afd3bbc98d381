package import GRPCCore
package import RPC

/// The services of the admin socket, one line each, and who may call them (agent-behaviour §15).
package enum AdminServices {
  /// Makes the services.
  package static func services(_ parts: AdminParts) -> [any RegistrableRPCService] {
    let services: [any RegistrableRPCService] = [
      AgentDebugAPI(parts),
      AgentLoggerAPI(parts),
      DelegatedIdentityAPI(parts),
      ExplainService(AgentExplainer(parts)),
    ]
    return services + [ReflectionService(of: services)]
  }

  /// A row for every method of every service.
  package static let policies: [MethodPolicy] = [
    AgentDebugAPI.policies,
    AgentLoggerAPI.policies,
    DelegatedIdentityAPI.policies,
    ExplainService.policies,
    ReflectionService.policies(callers: .local),
  ].flatMap { $0 }
}
