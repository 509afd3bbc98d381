import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the LocalAuthority service (server-behaviour §7.2).
package enum LocalAuthorityMethods {
  private typealias Method = Spire_Api_Server_Localauthority_V1_LocalAuthority.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(Method.GetJWTAuthorityState.descriptor, callers: [.local, .admin]),
      MethodPolicy(
        Method.PrepareJWTAuthority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(
        Method.ActivateJWTAuthority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(
        Method.TaintJWTAuthority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(
        Method.RevokeJWTAuthority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(Method.GetX509AuthorityState.descriptor, callers: [.local, .admin]),
      MethodPolicy(
        Method.PrepareX509Authority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(
        Method.ActivateX509Authority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(
        Method.TaintX509Authority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(
        Method.RevokeX509Authority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(Method.GetWITAuthorityState.descriptor, callers: [.local, .admin]),
      MethodPolicy(
        Method.PrepareWITAuthority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(
        Method.ActivateWITAuthority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(
        Method.TaintWITAuthority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(
        Method.RevokeWITAuthority.descriptor, callers: [.local, .admin], auditFields: ["local_authority_id"]),
      MethodPolicy(
        Method.TaintX509UpstreamAuthority.descriptor, callers: [.local, .admin], auditFields: ["subject_key_id"]),
      MethodPolicy(
        Method.RevokeX509UpstreamAuthority.descriptor, callers: [.local, .admin], auditFields: ["subject_key_id"]),
    ]
  }
}
