import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the Logger service (server-behaviour §7.2).
package enum LoggerMethods {
  private typealias Method = Spire_Api_Server_Logger_V1_Logger.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(Method.GetLogger.descriptor, callers: .local),
      MethodPolicy(Method.SetLogLevel.descriptor, callers: .local, auditFields: ["new_log_level"]),
      MethodPolicy(Method.ResetLogLevel.descriptor, callers: .local),
    ]
  }
}
