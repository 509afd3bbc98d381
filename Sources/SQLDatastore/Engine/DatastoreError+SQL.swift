import Daemon
import DatastoreAPI

extension DatastoreError {
  /// No row of that key.
  static var recordNotFound: DatastoreError { DatastoreError(.notFound, "datastore-sql: record not found") }

  /// An error with the prefix of the SQL datastore.
  static func sql(_ code: Code, _ message: String, cause: (any Error)? = nil) -> DatastoreError {
    DatastoreError(code, "datastore-sql: " + message, cause: cause)
  }

  /// A stored value that cannot be understood.
  static func damagedRow(_ what: String, cause: (any Error)? = nil) -> DatastoreError {
    .sql(.internal, "\(what) cannot be read\(cause.map { ": \($0)" } ?? ""); repair or delete that row", cause: cause)
  }
}

/// Calls that end with the datastore's error are counted under its gRPC code.
extension DatastoreError: StatusNamed {}
