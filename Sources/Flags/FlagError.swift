/// A command line that could not be read. The message is the text of Go's `flag` package.
package struct FlagError: Error, Equatable, CustomStringConvertible {
  /// What is wrong.
  package enum Code: Sendable {
    /// `-h` or `-help` was given: not a fault, but parsing ends.
    case help
    case syntax
    case undefined
    case missingValue
    case value
  }

  package let code: Code
  package let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }

  package static func == (a: FlagError, b: FlagError) -> Bool { a.code == b.code }
}
