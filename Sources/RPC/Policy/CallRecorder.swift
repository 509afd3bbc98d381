import Daemon
import GRPCCore
import Logging

/// Records how a call ended, in its counter and the audit log, and turns any error into the call's status. Used by one
/// call: the end comes once.
struct CallRecorder: Sendable {
  let call: CallContext
  let counter: CallCounter

  /// The call ended well.
  func finish() {
    call.audit.finish(code: nil, message: nil)
    count("OK")
  }

  /// The method failed with `error`; returns what the caller gets.
  func finish(_ error: any Error) -> RPCError {
    let status = Self.status(for: error, call: call)
    call.audit.finish(code: status.code.name, message: status.message)
    count(status.code.name)
    return status
  }

  /// The call was not let in; the audit log hears nothing of it.
  func refused(_ error: any Error) -> RPCError {
    let status = Self.status(for: error, call: call)
    count(status.code.name)
    return status
  }

  private func count(_ status: String) {
    var counter = counter
    for label in call.labels { counter.add(label.name, label.value) }
    counter.done(status: status)
  }

  /// The one place where errors become gRPC statuses.
  static func status(for error: any Error, call: CallContext) -> RPCError {
    switch error {
    case let failure as RPCFailure: return RPCError(failure)
    case let status as RPCError: return status
    case is CancellationError:
      if let deadline = call.deadline, deadline <= .now {
        return RPCError(code: .deadlineExceeded, message: "context deadline exceeded")
      }
      // A client that cancelled does not read this; one whose stream ends with the daemon must try again, and
      // clients of the Workload API stop for good at CANCELLED.
      return RPCError(code: .unavailable, message: "transport is closing")
    default:
      // Whatever this is, its text is about our inside. The log has it; the caller gets the number to look for.
      call.logger.error("Unexpected error", metadata: ["error": "\(error)"])
      return RPCError(code: .internalError, message: "internal error (request_id \(call.requestID))")
    }
  }
}
