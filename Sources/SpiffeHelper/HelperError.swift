package import Daemon
import GRPCCore
import RPC

/// Why spiffe-helper cannot do something. Equal by code.
package typealias HelperError = CodedError<HelperErrorCode>

/// The kinds of ``HelperError``.
package enum HelperErrorCode: Sendable {
  /// The Workload API did not give what was asked for.
  case fetch
  /// What it gave cannot be used, or has not what the configuration names.
  case unusable
  /// Files cannot be written.
  case files
}

extension HelperError {
  /// What a failure is called in the log; calls in the words of Go's gRPC.
  static func text(of error: any Error) -> String {
    guard let error = error as? RPCError else { return "\(error)" }
    return "rpc error: code = \(error.code.name) desc = \(error.connectError?.message ?? error.message)"
  }
}
