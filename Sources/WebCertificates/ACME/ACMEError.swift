/// Why there is no certificate from the authority.
package struct ACMEError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The authority cannot be reached, or does not answer.
    case unreachable
    /// What it answered is not what RFC 8555 says.
    case malformed
    /// It refused, with a problem document (RFC 8555 §6.7).
    case refused
    /// It wants to be left alone for a while.
    case rateLimited
    /// It could not convince itself that we serve the name.
    case authorizationFailed
    /// Its terms of service were not accepted by the configuration.
    case termsNotAccepted
    /// What it issued cannot be used.
    case badCertificate
    /// It took longer than we wait.
    case timeout
    /// A key or a certificate cannot be kept or read.
    case storage
  }

  package let code: Code
  package let message: String
  package let cause: (any Error)?
  /// When to come back, where the authority said it.
  package var retryAfter: Duration?
  /// The last part of the problem's type: `badNonce`.
  package var problem: String?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var description: String { message }

  package static func == (a: ACMEError, b: ACMEError) -> Bool { a.code == b.code }
}
