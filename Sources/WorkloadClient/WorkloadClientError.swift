/// An answer of a Workload API that holds something unusable. Equal by code; its text is shown as it is.
package struct WorkloadClientError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// A certificate, a key or a bundle cannot be read.
    case malformed
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

  package static func == (a: WorkloadClientError, b: WorkloadClientError) -> Bool { a.code == b.code }
}
