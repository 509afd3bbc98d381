import DatastoreAPI

/// Owns one connection and runs blocking work on it, one piece after the other, on a queue of its own.
///
/// Made by ``SQLPool``; connects at the first use, and tries again at the next one when that fails.
actor SQLSession {
  private nonisolated let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let connect: @Sendable () throws(DatastoreError) -> any SQLConnection
  private var connection: (any SQLConnection)?
  private var isClosed = false

  init(label: String, connect: @escaping @Sendable () throws(DatastoreError) -> any SQLConnection) {
    executor = QueueExecutor(label: label)
    self.connect = connect
  }

  /// Runs `body` with the connection.
  func run<T: Sendable>(
    _ body: @Sendable (any SQLConnection) throws(DatastoreError) -> T
  ) throws(DatastoreError) -> T {
    guard !isClosed else { throw DatastoreError(.unavailable, "datastore-sql: the datastore is closed") }
    if let connection { return try body(connection) }
    let connection = try connect()
    self.connection = connection
    return try body(connection)
  }

  /// Lets the connection go. What comes later fails with ``DatastoreError/Code/unavailable``.
  func close() {
    isClosed = true
    connection = nil
  }
}
