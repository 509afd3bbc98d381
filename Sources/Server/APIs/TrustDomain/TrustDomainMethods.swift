import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the TrustDomain service (server-behaviour §7.2).
package enum TrustDomainMethods {
  private typealias Method = Spire_Api_Server_Trustdomain_V1_TrustDomain.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(Method.ListFederationRelationships.descriptor, callers: [.local, .admin]),
      MethodPolicy(
        Method.GetFederationRelationship.descriptor, callers: [.local, .admin], auditFields: ["trust_domain_id"]),
      MethodPolicy(
        Method.BatchCreateFederationRelationship.descriptor, callers: [.local, .admin], audit: .items,
        auditFields: AuditValue.relationshipFields),
      MethodPolicy(
        Method.BatchUpdateFederationRelationship.descriptor, callers: [.local, .admin], audit: .items,
        auditFields: AuditValue.relationshipFields),
      MethodPolicy(
        Method.BatchDeleteFederationRelationship.descriptor, callers: [.local, .admin], audit: .items,
        auditFields: ["trust_domain_id"]),
      MethodPolicy(
        Method.RefreshBundle.descriptor, callers: [.local, .admin], auditFields: ["trust_domain_id", "force"]),
    ]
  }
}
