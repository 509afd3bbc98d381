/// What went wrong in the datastore: a code that callers branch on, and a message that says what, where and what to do.
///
/// Made by the datastore only. The RPC layer turns ``code`` into a gRPC status of the same name. Equal by code.
package struct DatastoreError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds of failure, named as gRPC's status codes.
  package enum Code: String, Sendable, CaseIterable {
    /// No row of that key.
    case notFound = "NotFound"
    /// A unique key is taken.
    case alreadyExists = "AlreadyExists"
    /// The caller's values break a rule of the datastore.
    case invalidArgument = "InvalidArgument"
    /// The rows that are there do not allow it, for example a bundle that entries federate with.
    case failedPrecondition = "FailedPrecondition"
    /// The engine or the schema cannot do it.
    case unimplemented = "Unimplemented"
    /// The database is locked, full, unreadable, damaged or away: a fault outside this process.
    case unavailable = "Unavailable"
    /// Anything else.
    case `internal` = "Internal"
  }

  package let code: Code
  package let message: String
  /// The error below this one, for logs.
  package let cause: (any Error)?

  package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  /// The name of the gRPC status code, for example `NotFound`.
  package var statusName: String { code.rawValue }

  package var description: String { message }

  package static func == (a: DatastoreError, b: DatastoreError) -> Bool { a.code == b.code }

  /// A value that breaks a rule (`datastore-validation: …`, InvalidArgument).
  package static func validation(_ message: String) -> DatastoreError {
    DatastoreError(.invalidArgument, "datastore-validation: " + message)
  }
}
