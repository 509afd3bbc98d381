import Daemon
import DatastoreAPI
import FoundationEssentials

/// Owns one connection and runs blocking work on it, one piece after the other, on a queue of its own.
///
/// Made by ``SQLPool``; connects at the first use, and tries again at the next one when that fails.
actor SQLSession {
  private nonisolated let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let connect: @Sendable () throws(DatastoreError) -> any SQLConnection
  private let maximumAge: Duration?
  private let time: any TimeSource
  private var connection: (any SQLConnection)?
  private var connectedAt = Date.distantPast
  private var isClosed = false

  /// - Parameter maximumAge: after this time a new connection takes the place of the old one, between two pieces of work.
  init(
    label: String, maximumAge: Duration? = nil, time: any TimeSource = SystemTime(),
    connect: @escaping @Sendable () throws(DatastoreError) -> any SQLConnection
  ) {
    executor = QueueExecutor(label: label)
    self.maximumAge = maximumAge
    self.time = time
    self.connect = connect
  }

  /// Runs `body` with the connection.
  func run<T: Sendable>(
    _ body: @Sendable (any SQLConnection) throws(DatastoreError) -> T
  ) throws(DatastoreError) -> T {
    guard !isClosed else { throw DatastoreError(.unavailable, "datastore-sql: the datastore is closed") }
    if let maximumAge, abs(time.now.timeIntervalSince(connectedAt)) >= maximumAge.seconds { connection = nil }
    if let connection { return try body(connection) }
    let connection = try connect()
    self.connection = connection
    connectedAt = time.now
    return try body(connection)
  }

  /// Lets the connection go until there is work again.
  func disconnect() { connection = nil }

  /// Lets the connection go. What comes later fails with ``DatastoreError/Code/unavailable``.
  func close() {
    isClosed = true
    connection = nil
  }
}
