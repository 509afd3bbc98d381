import GRPCCore
package import RPC
import SPIREProtos

/// Who may call the methods of the Watch service: agents and servers below watch, operators look on.
package enum WatchMethods {
  private typealias Method = Swiftspire_Server_Watch_V1_Watch.Method

  /// The rows, one per method of the service.
  package static func policies(_ limits: RateLimits) -> [MethodPolicy] {
    [
      MethodPolicy(Method.WatchAuthorizedEntries.descriptor, callers: .agent),
      MethodPolicy(Method.ListWatches.descriptor, callers: [.local, .admin]),
      MethodPolicy(Method.WatchBundle.descriptor, callers: .downstream),
    ]
  }
}
