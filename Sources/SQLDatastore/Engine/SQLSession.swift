import Daemon
import DatastoreAPI
import FoundationEssentials
import Synchronization

/// Owns one connection and runs blocking work on it, one piece after the other, on a queue of its own.
///
/// Made by ``SQLPool``; connects at the first use and whenever the connection was lost.
actor SQLSession {
  private nonisolated let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let prepare: (@Sendable () async -> Void)?
  private let connect: @Sendable () throws(DatastoreError) -> any SQLConnection
  private let maximumAge: Duration?
  private let maximumIdle: Duration?
  private let time: any TimeSource
  private var connection: (any SQLConnection)?
  private var connectedAt = Date.distantPast
  private var usedAt = Duration.zero
  private var isClosed = false
  /// How often connecting has failed, readable by those who queue.
  private nonisolated let failures = Atomic<Int>(0)
  private var lastFailure: DatastoreError?

  /// - Parameters:
  ///   - maximumAge: after this time a new connection takes the place of the old one, between two pieces of work.
  ///   - maximumIdle: after this time without work, likewise.
  ///   - prepare: awaited before each attempt to connect, off the queue.
  init(
    label: String, maximumAge: Duration? = nil, maximumIdle: Duration? = nil, time: any TimeSource = SystemTime(),
    prepare: (@Sendable () async -> Void)? = nil,
    connect: @escaping @Sendable () throws(DatastoreError) -> any SQLConnection
  ) {
    executor = QueueExecutor(label: label)
    self.maximumAge = maximumAge
    self.maximumIdle = maximumIdle
    self.time = time
    self.prepare = prepare
    self.connect = connect
  }

  /// Runs `body` with the connection; a second time with another one if the connection was lost and `body` lets that
  /// fault through. Who waits while connecting fails does not try again: a database that is away would hold up each of
  /// those who wait for the time that it takes to find out.
  nonisolated func run<T: Sendable>(
    _ body: @Sendable (any SQLConnection) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    let known = failures.load(ordering: .relaxed)
    return try await run(knownFailures: known, body)
  }

  private func run<T: Sendable>(
    knownFailures: Int, _ body: @Sendable (any SQLConnection) throws(DatastoreError) -> T
  ) async throws(DatastoreError) -> T {
    try checkOpen()
    defer { usedAt = time.steady }
    dropWornConnection()
    if let connection {
      do throws(DatastoreError) {
        return try body(connection)
      } catch {
        guard error.recovery == .reconnect else { throw error }
        self.connection = nil
      }
    } else if failures.load(ordering: .relaxed) != knownFailures, let lastFailure {
      throw lastFailure
    }
    if let prepare {
      await prepare()
      // Others were here meanwhile.
      try checkOpen()
      if let connection, connection.isUsable { return try body(connection) }
      if failures.load(ordering: .relaxed) != knownFailures, let lastFailure { throw lastFailure }
    }
    return try body(reconnect())
  }

  private func checkOpen() throws(DatastoreError) {
    guard !isClosed else { throw DatastoreError(.unavailable, "datastore-sql: the datastore is closed") }
  }

  private func dropWornConnection() {
    guard let connection else { return }
    let isOld = maximumAge.map { abs(time.now.timeIntervalSince(connectedAt)) >= $0.seconds } ?? false
    let isIdle = maximumIdle.map { time.steady - usedAt >= $0 } ?? false
    if isOld || isIdle || !connection.isUsable { self.connection = nil }
  }

  private func reconnect() throws(DatastoreError) -> any SQLConnection {
    do throws(DatastoreError) {
      let connection = try connect()
      self.connection = connection
      connectedAt = time.now
      return connection
    } catch {
      lastFailure = error
      failures.add(1, ordering: .relaxed)
      throw error
    }
  }

  /// Lets the connection go until there is work again.
  func disconnect() { connection = nil }

  /// Lets the connection go if there was no work for so long as it may be idle.
  func disconnectIfIdle() {
    if let maximumIdle, time.steady - usedAt >= maximumIdle { connection = nil }
  }

  /// Lets the connection go. What comes later fails with ``DatastoreError/Code/unavailable``.
  func close() {
    isClosed = true
    connection = nil
  }
}
