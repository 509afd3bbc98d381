import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the Agent service, their limits and their audit records (server-behaviour §7.2).
package enum AgentMethods {
  private typealias Method = Spire_Api_Server_Agent_V1_Agent.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(
        Method.CountAgents.descriptor, callers: [.local, .admin], auditFields: AuditValue.agentFilterFields),
      MethodPolicy(Method.ListAgents.descriptor, callers: [.local, .admin], auditFields: AuditValue.agentFilterFields),
      MethodPolicy(Method.GetAgent.descriptor, callers: [.local, .admin], auditFields: ["spiffe_id"]),
      MethodPolicy(Method.DeleteAgent.descriptor, callers: [.local, .admin], auditFields: ["spiffe_id"]),
      MethodPolicy(Method.BanAgent.descriptor, callers: [.local, .admin], auditFields: ["spiffe_id"]),
      MethodPolicy(
        Method.AttestAgent.descriptor, callers: .any, rateLimit: limits.attest,
        auditFields: ["node_attestor_type", "agent_id"]),
      MethodPolicy(Method.RenewAgent.descriptor, callers: .agent, rateLimit: limits.csr, auditFields: ["csr"]),
      MethodPolicy(Method.CreateJoinToken.descriptor, callers: [.local, .admin], auditFields: ["ttl", "spiffe_id"]),
      MethodPolicy(
        Method.PostStatus.descriptor, callers: .agent, rateLimit: limits.postStatus,
        auditFields: ["spiffe_id", "agent_version"]),
    ]
  }
}
