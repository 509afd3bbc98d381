import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the Debug service (server-behaviour §7.2).
package enum DebugMethods {
  private typealias Method = Spire_Api_Server_Debug_V1_Debug.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(Method.GetInfo.descriptor, callers: .local)
    ]
  }
}
