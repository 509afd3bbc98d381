import Daemon

/// What went wrong in a key manager. Equal by code; the message is the text that upstream's plugins use.
package struct KeysError: Error, Equatable, StatusNamed, CustomStringConvertible {
  package enum Code: String, Sendable {
    case invalidArgument = "InvalidArgument"
    case notFound = "NotFound"
    case failedPrecondition = "FailedPrecondition"
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

  /// The same error with the name of the key manager in front, such as `keymanager(disk): `.
  package func prefixed(_ prefix: String) -> KeysError { KeysError(code, prefix + message, cause: cause) }

  package static func == (a: KeysError, b: KeysError) -> Bool { a.code == b.code }
}
