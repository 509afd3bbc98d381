import DatastoreAPI

extension Dialect {
  /// The transactions that may have taken an event ID and have not ended, by table; `nil` when the engine cannot tell.
  func eventWriters(in connection: any SQLConnection) throws(DatastoreError) -> [EventTable: Set<String>]? { nil }
  var commitChannel: String? { nil }
}
