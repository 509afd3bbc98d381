import Daemon

/// What went wrong in the agent. Made in every part of it, read by the runtime, the Workload API and the log; equal by
/// code.
///
/// Answers of the server keep their status and, for a refused agent, the reason that the server gave.
package struct AgentError: StatusNamed, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable {
    // Statuses of gRPC, of our answers and of the server's.
    case canceled = "Canceled"
    case unknown = "Unknown"
    case invalidArgument = "InvalidArgument"
    case deadlineExceeded = "DeadlineExceeded"
    case notFound = "NotFound"
    case alreadyExists = "AlreadyExists"
    case permissionDenied = "PermissionDenied"
    case resourceExhausted = "ResourceExhausted"
    case failedPrecondition = "FailedPrecondition"
    case aborted = "Aborted"
    case outOfRange = "OutOfRange"
    case unimplemented = "Unimplemented"
    case internalError = "Internal"
    case unavailable = "Unavailable"
    case dataLoss = "DataLoss"
    case unauthenticated = "Unauthenticated"
    // Our own.
    /// `agent-data.json` cannot be read, written or understood.
    case storage
    /// The bootstrap bundle cannot be read or holds nothing.
    case trustBundle
    /// The server's certificate chain leads to no authority of our bundle.
    case unknownAuthority
    /// The server or a certificate does not say what it has to.
    case malformed
    /// The agent has to end: attestation gave up, or the server refuses this agent.
    case fatal
  }

  package let code: Code
  package let message: String
  package let denial: DenialReason?
  package let cause: (any Error)?
  /// The agent's SVID was replaced while the call was on its way with the one before: the next call shows the new one.
  package let isOwnRenewal: Bool

  package init(
    _ code: Code, _ message: String, denial: DenialReason? = nil, cause: (any Error)? = nil, isOwnRenewal: Bool = false
  ) {
    self.isOwnRenewal = isOwnRenewal
    self.code = code
    self.message = message
    self.denial = denial
    self.cause = cause
  }

  /// The same error with the step that failed in front of its message.
  package func during(_ step: String) -> AgentError {
    AgentError(code, "\(step): \(message)", denial: denial, cause: cause, isOwnRenewal: isOwnRenewal)
  }

  /// Whether the server did not answer at all: no reason to believe anything about this agent.
  package var isUnreachable: Bool { [.unavailable, .deadlineExceeded, .canceled].contains(code) }

  package var description: String { message }

  package var statusName: String {
    switch code {
    case .storage, .trustBundle, .malformed, .fatal: "Internal"
    case .unknownAuthority: "Unavailable"
    default: code.rawValue
    }
  }

  package static func == (a: AgentError, b: AgentError) -> Bool { a.code == b.code }

  /// Any error as an error of the agent.
  package static func wrapping(_ error: any Error) -> AgentError {
    if let error = error as? AgentError { return error }
    if error is CancellationError { return AgentError(.canceled, "canceled", cause: error) }
    return AgentError(.unknown, "\(error)", cause: error)
  }
}
