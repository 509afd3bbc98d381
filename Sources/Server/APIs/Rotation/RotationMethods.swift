import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the Rotation service: those who may rotate authorities.
package enum RotationMethods {
  private typealias Method = Swiftspire_Server_Rotation_V1_Rotation.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(Method.GetRotation.descriptor, callers: [.local, .admin]),
      MethodPolicy(
        Method.ActivateAuthority.descriptor, callers: [.local, .admin],
        auditFields: ["force", "kind", "local_authority_id"]),
    ]
  }
}
