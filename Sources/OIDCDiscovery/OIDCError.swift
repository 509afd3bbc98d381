/// Why the discovery provider cannot do something.
package struct OIDCError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// A source did not deliver keys.
    case source
    /// What a source delivered cannot be used.
    case malformed
    /// The provider cannot listen.
    case listener
    /// A file that is needed at the start is of no use.
    case file
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

  package static func == (a: OIDCError, b: OIDCError) -> Bool { a.code == b.code }
}
