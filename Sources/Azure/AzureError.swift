/// Why Azure did not give what it was asked for. Holds no secret.
package struct AzureError: Error, Hashable, CustomStringConvertible {
  package enum Code: Hashable, Sendable {
    /// There is no such thing, or none that these credentials may see.
    case notFound
    /// The token is not taken.
    case unauthenticated
    /// Azure says no: it will say it again.
    case refused
    /// Azure is not reached, too busy, or does not make sense; later it may.
    case unavailable
    /// The settings or the environment are not sufficient to ask.
    case configuration
    /// This way of being somebody is not there: a chain tries the next one.
    case absent
    /// Whoever wanted to know gave up.
    case cancelled
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
