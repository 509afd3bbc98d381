import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the Explain service: those who may read entries and agents anyway.
package enum ExplainMethods {
  private typealias Method = Swiftspire_Server_Explain_V1_Explain.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(
        Method.DryRunEntries.descriptor, callers: [.local, .admin], rateLimit: limits.explain,
        auditFields: ["action", "entries"]),
      MethodPolicy(
        Method.ExplainIdentity.descriptor, callers: [.local, .admin], rateLimit: limits.explain,
        auditFields: ["entry_id", "spiffe_id"]),
    ]
  }
}
