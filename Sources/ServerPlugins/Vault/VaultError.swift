import HTTP

/// Why Vault did not do what it was asked: kind, and a text that names the request and what Vault said, and no secret.
/// ``VaultClient`` throws it; the plugins turn it into their own errors.
struct VaultError: Error, CustomStringConvertible {
  enum Kind: String, Sendable {
    /// A setting cannot be used.
    case configuration
    /// Vault cannot be reached, is sealed or overloaded: later it may work.
    case unavailable
    /// The credentials are not taken, or a policy forbids the request.
    case denied
    /// What was asked for is not there.
    case notFound
    /// Vault found the request wrong.
    case refused
    /// The answer is not one of Vault, or not one to this request.
    case badAnswer
  }

  let kind: Kind
  let message: String
  let cause: (any Error)?

  init(_ kind: Kind, _ message: String, cause: (any Error)? = nil) {
    self.kind = kind
    self.message = message
    self.cause = cause
  }

  var description: String { message }

  var code: ServerPluginError.Code {
    switch kind {
    case .configuration: .invalidArgument
    case .unavailable: .unavailable
    case .denied: .permissionDenied
    case .notFound: .notFound
    case .refused, .badAnswer: .internal
    }
  }
}
