import DatastoreAPI

/// What can be done about a fault of the database. Carried by the cause of a ``DatastoreError``.
enum SQLRecovery: Sendable {
  /// The engine undid the transaction, because another one stood in its way: the same again may succeed.
  case retry
  /// The connection is gone: the same again on another one may succeed, unless it was being committed.
  case reconnect
  /// Nothing that this process could do.
  case none
}

/// An engine's own words about a fault, and what they mean.
protocol SQLFault: Error {
  var recovery: SQLRecovery { get }
  /// Whether the engine itself has said that the transaction did not happen, even if it was being committed.
  var isUndone: Bool { get }
}

/// Another server inserted the same row at the same time.
struct LostRace: SQLFault {
  let recovery = SQLRecovery.retry
  let isUndone = true
}

extension DatastoreError {
  var recovery: SQLRecovery { (cause as? any SQLFault)?.recovery ?? .none }
  var isUndone: Bool { (cause as? any SQLFault)?.isUndone ?? false }

  /// Not an error to show: an item of a batch failed in a transaction without savepoints, which has to run again with them.
  static let savepointsNeeded = DatastoreError(
    .internal, "datastore-sql: an item of a batch failed", cause: SavepointsNeeded())

  var isSavepointsNeeded: Bool { cause is SavepointsNeeded }

  private struct SavepointsNeeded: Error {}
}
