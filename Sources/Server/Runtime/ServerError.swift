/// Why the server cannot start or go on. The message says what, where, and what to do. Equal by code.
package struct ServerError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The configuration and what is stored do not go together.
    case wrongTrustDomain
    /// A part that is needed is not configured.
    case notConfigured
    /// What is configured cannot be backed up or restored by this program.
    case cannotBackUp
    /// A file is not a backup, is damaged, or is of another trust domain.
    case badBackup
    /// A server uses the files that are to be replaced.
    case serverIsRunning
    /// The bundle endpoint cannot serve.
    case bundleEndpoint
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

  package static func == (a: ServerError, b: ServerError) -> Bool { a.code == b.code }
}
