/// An error: a code that callers branch on, a message that says what, where and what to do, and the error below it, for
/// logs. Equal by code. A target gives it a name of its own:
///
///     package typealias OIDCError = CodedError<OIDCErrorCode>
package struct CodedError<Kind: Hashable & Sendable>: Error, Equatable, CustomStringConvertible {
  package typealias Code = Kind

  package let code: Kind
  package let message: String
  package let cause: (any Error)?

  package init(_ code: Kind, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  package var description: String { message }

  package static func == (a: CodedError, b: CodedError) -> Bool { a.code == b.code }
}
