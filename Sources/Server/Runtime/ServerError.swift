/// Why the server cannot start or go on. The message says what, where, and what to do. Equal by code.
package struct ServerError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The configuration and what is stored do not go together.
    case wrongTrustDomain
    /// A part that is needed is not configured.
    case notConfigured
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }

  package static func == (a: ServerError, b: ServerError) -> Bool { a.code == b.code }
}
