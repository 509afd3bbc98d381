import Daemon
package import GRPCCore

extension RPCError.Code {
  /// The code's name as the Go tools print it and as metrics are labelled: `NotFound`, `Internal`.
  package var name: String {
    switch self {
    case .cancelled: "Canceled"
    case .unknown: "Unknown"
    case .invalidArgument: "InvalidArgument"
    case .deadlineExceeded: "DeadlineExceeded"
    case .notFound: "NotFound"
    case .alreadyExists: "AlreadyExists"
    case .permissionDenied: "PermissionDenied"
    case .resourceExhausted: "ResourceExhausted"
    case .failedPrecondition: "FailedPrecondition"
    case .aborted: "Aborted"
    case .outOfRange: "OutOfRange"
    case .unimplemented: "Unimplemented"
    case .internalError: "Internal"
    case .unavailable: "Unavailable"
    case .dataLoss: "DataLoss"
    case .unauthenticated: "Unauthenticated"
    default: "Code(\(rawValue))"
    }
  }

  /// The code of a gRPC number (as in `spire.api.types.Status.code`), or `nil` for 0 and unknown numbers.
  package init?(number: Int32) {
    guard let code = Status.Code(rawValue: Int(number)) else { return nil }
    self.init(code)
  }

  /// The code with this Go name, or `nil`.
  package init?(name: String) {
    for number in 1...16 {
      if let code = RPCError.Code(number: Int32(number)), code.name == name {
        self = code
        return
      }
    }
    return nil
  }
}

extension RPCError: StatusNamed {
  package var statusName: String { code.name }

  /// The error as the Go tools print it: `rpc error: code = NotFound desc = agent not found`.
  package var text: String { "rpc error: code = \(code.name) desc = \(message)" }
}
