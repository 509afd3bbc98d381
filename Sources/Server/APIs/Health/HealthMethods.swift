import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the health service (server-behaviour §7.2).
package enum HealthMethods {
  private typealias Method = Grpc_Health_V1_Health.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(Method.Check.descriptor, callers: .local),
      MethodPolicy(Method.List.descriptor, callers: .local),
      MethodPolicy(Method.Watch.descriptor, callers: .local),
    ]
  }
}
