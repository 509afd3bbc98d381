import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the SVID service, their limits and their audit records (server-behaviour §7.2).
package enum SVIDMethods {
  private typealias Method = Spire_Api_Server_Svid_V1_SVID.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(
        Method.MintX509SVID.descriptor, callers: [.local, .admin],
        auditFields: ["csr", "ttl", "spiffe_id", "dns_name", "subject", "expires_at"]),
      MethodPolicy(
        Method.MintJWTSVID.descriptor, callers: [.local, .admin], auditFields: ["spiffe_id", "audience", "ttl"]),
      MethodPolicy(Method.MintWITSVID.descriptor, callers: [.local, .admin], auditFields: ["spiffe_id", "ttl"]),
      MethodPolicy(
        Method.BatchNewX509SVID.descriptor, callers: .agent, rateLimit: limits.csr, audit: .items,
        auditFields: ["csr", "entry_id", "spiffe_id", "expires_at"]),
      MethodPolicy(
        Method.NewJWTSVID.descriptor, callers: .agent, rateLimit: limits.jwt,
        auditFields: ["entry_id", "audience", "spiffe_id", "ttl"]),
      MethodPolicy(
        Method.BatchNewWITSVID.descriptor, callers: .agent, rateLimit: limits.wit, audit: .items,
        auditFields: ["entry_id", "spiffe_id", "expires_at"]),
      MethodPolicy(
        Method.NewDownstreamX509CA.descriptor, callers: .downstream, rateLimit: limits.csr,
        auditFields: ["csr", "trust_domain_id", "expires_at"]),
    ]
  }
}
