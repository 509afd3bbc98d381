import GRPCCore
import RPC

/// Why spiffe-helper cannot do something. Equal by code.
package struct HelperError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The Workload API did not give what was asked for.
    case fetch
    /// What it gave cannot be used, or has not what the configuration names.
    case unusable
    /// Files cannot be written.
    case files
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var description: String { message }

  /// What a failure is called in the log; calls in the words of Go's gRPC.
  static func text(of error: any Error) -> String {
    guard let error = error as? RPCError else { return "\(error)" }
    return "rpc error: code = \(error.code.name) desc = \(error.connectError?.message ?? error.message)"
  }

  package static func == (a: HelperError, b: HelperError) -> Bool { a.code == b.code }
}
