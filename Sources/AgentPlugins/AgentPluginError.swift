import Daemon

/// Why a plugin of the agent could not do its work. Made by the plugins, read by the agent; equal by code.
///
/// The message already carries the host's prefix, for example `workloadattestor(unix): UIDs lookup: …`.
package struct AgentPluginError: StatusNamed, Equatable, CustomStringConvertible {
  /// The gRPC status that a plugin of the same kind would answer with.
  package enum Code: String, Sendable {
    case invalidArgument = "InvalidArgument"
    case notFound = "NotFound"
    case internalError = "Internal"
    case unavailable = "Unavailable"
    case resourceExhausted = "ResourceExhausted"
    case deadlineExceeded = "DeadlineExceeded"
    case failedPrecondition = "FailedPrecondition"
    case permissionDenied = "PermissionDenied"
    case unauthenticated = "Unauthenticated"
    case unimplemented = "Unimplemented"
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var statusName: String { code.rawValue }
  package var description: String { message }

  package static func == (a: AgentPluginError, b: AgentPluginError) -> Bool { a.code == b.code }
}
