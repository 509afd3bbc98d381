import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the Bundle service, their limits and their audit records (server-behaviour §7.2).
package enum BundleMethods {
  private typealias Method = Spire_Api_Server_Bundle_V1_Bundle.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(Method.CountBundles.descriptor, callers: [.local, .admin]),
      MethodPolicy(Method.GetBundle.descriptor, callers: .any, auditFields: ["trust_domain_id"]),
      MethodPolicy(Method.AppendBundle.descriptor, callers: [.local, .admin], auditFields: AuditValue.authorityFields),
      MethodPolicy(
        Method.PublishJWTAuthority.descriptor, callers: .downstream, rateLimit: limits.pushKey,
        auditFields: AuditValue.jwtAuthorityFields),
      MethodPolicy(
        Method.PublishWITAuthority.descriptor, callers: .downstream, rateLimit: limits.pushKey,
        auditFields: AuditValue.witAuthorityFields),
      MethodPolicy(Method.ListFederatedBundles.descriptor, callers: [.local, .admin]),
      MethodPolicy(
        Method.GetFederatedBundle.descriptor, callers: [.local, .admin, .agent], auditFields: ["trust_domain_id"]),
      MethodPolicy(
        Method.BatchCreateFederatedBundle.descriptor, callers: [.local, .admin], audit: .items,
        auditFields: AuditValue.bundleFields),
      MethodPolicy(
        Method.BatchUpdateFederatedBundle.descriptor, callers: [.local, .admin], audit: .items,
        auditFields: AuditValue.bundleFields),
      MethodPolicy(
        Method.BatchSetFederatedBundle.descriptor, callers: [.local, .admin], audit: .items,
        auditFields: AuditValue.bundleFields),
      MethodPolicy(
        Method.BatchDeleteFederatedBundle.descriptor, callers: [.local, .admin], audit: .items,
        auditFields: ["trust_domain_id", "mode"]),
    ]
  }
}
