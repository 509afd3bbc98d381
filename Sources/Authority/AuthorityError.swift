import Daemon

/// Why a credential was not issued or an authority not changed. Equal by code; the message is the text that callers see.
package struct AuthorityError: Error, Equatable, StatusNamed, CustomStringConvertible {
  /// The kinds of failure, named as gRPC's status codes.
  package enum Code: String, Sendable {
    case invalidArgument = "InvalidArgument"
    case permissionDenied = "PermissionDenied"
    case notFound = "NotFound"
    case failedPrecondition = "FailedPrecondition"
    case unimplemented = "Unimplemented"
    case unavailable = "Unavailable"
    case `internal` = "Internal"
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
  package var statusName: String { code.rawValue }

  /// The same error with words in front that say what was being done.
  func prefixed(_ words: String) -> AuthorityError { AuthorityError(code, words + message, cause: cause ?? self) }

  package static func == (a: AuthorityError, b: AuthorityError) -> Bool { a.code == b.code }
}
