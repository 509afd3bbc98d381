import Daemon
import DatastoreAPI
import Foundation
import Synchronization
import Testing

@testable import SQLDatastore

/// A session replaces the connection that it lost, and a database that is away costs those who wait one attempt.
@Suite struct SQLSessionTests {
  /// A database that can be away, and counts.
  private final class Database: Sendable {
    struct State {
      var isAway = false
      var attempts = 0
      var open = 0
      /// Connections up to this number are broken.
      var broken = 0
      /// Connections up to this number are known to be broken before they are used.
      var unusable = 0
      var holds: [DispatchSemaphore] = []
    }
    let state = Mutex(State())

    func connect() throws(DatastoreError) -> any SQLConnection {
      let (isAway, number, hold) = state.withLock { state in
        state.attempts += 1
        return (state.isAway, state.attempts, state.holds.popLast())
      }
      hold?.wait()
      if isAway { throw DatastoreError(.unavailable, "away \(number)") }
      return Connection(self, number)
    }
  }

  private final class Connection: SQLConnection {
    private let database: Database
    let number: Int
    init(_ database: Database, _ number: Int) {
      self.database = database
      self.number = number
      database.state.withLock { $0.open += 1 }
    }
    deinit { database.state.withLock { $0.open -= 1 } }

    let dialect: any Dialect = SQLiteDialect()
    let serverVersion = ""
    let isInTransaction = false
    var isUsable: Bool { database.state.withLock { $0.unusable < number } }
    func execute(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int {
      if database.state.withLock({ $0.broken >= number }) {
        throw DatastoreError(.unavailable, "lost", cause: Lost())
      }
      return number
    }
    func insert(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int64 { 0 }
    func query(
      _ sql: String, _ arguments: [SQLValue], _ body: (any SQLRow) throws(DatastoreError) -> Void
    ) throws(DatastoreError) {}
  }

  private struct Lost: SQLFault {
    let recovery = SQLRecovery.reconnect
    let isUndone = false
  }

  /// The number of the connection that answered.
  private func use(_ session: SQLSession) async throws -> Int {
    try await session.run { (connection) throws(DatastoreError) in try connection.execute("", []) }
  }

  @Test func aLostConnectionIsReplacedOnce() async throws {
    let database = Database()
    let session = SQLSession(label: "test") { () throws(DatastoreError) in try database.connect() }
    #expect(try await use(session) == 1)
    database.state.withLock { $0.broken = 1 }
    #expect(try await use(session) == 2)
    #expect(try await use(session) == 2)
    // Broken before it is used: nothing is tried on it.
    database.state.withLock { $0.unusable = 2 }
    #expect(try await use(session) == 3)
    // The new one is no better: that is an answer.
    database.state.withLock { $0.broken = 100 }
    let error = await failure { _ = try await use(session) }
    #expect(error?.message == "lost")
    #expect(database.state.withLock { $0.attempts } == 4)
    database.state.withLock { $0.broken = 0 }
    #expect(try await use(session) == 4)
    await session.close()
    #expect(database.state.withLock { $0.open } == 0)
  }

  @Test func thoseWhoWaitShareAFailure() async throws {
    let database = Database()
    let hold = DispatchSemaphore(value: 0)
    database.state.withLock {
      $0.isAway = true
      $0.holds = [hold]
    }
    let session = SQLSession(label: "test") { () throws(DatastoreError) in try database.connect() }
    let asked = Runs()
    let errors = try await withThrowingTaskGroup(of: String?.self) { group in
      for _ in 0..<5 {
        group.addTask {
          await failure {
            _ = asked.next()
            _ = try await use(session)
          }?.message
        }
      }
      // The first one connects; when all have asked, it finds out that the database is away.
      while asked.count < 5 || database.state.withLock({ $0.attempts }) < 1 { await Task.yield() }
      hold.signal()
      return try await group.reduce(into: [String?]()) { $0.append($1) }
    }
    // One that had not reached the queue when the first failed may have tried for itself.
    #expect(errors.allSatisfy { $0?.hasPrefix("away") == true })
    #expect(errors.count { $0 == "away 1" } >= 1)
    // Who comes later tries again.
    database.state.withLock { $0.isAway = false }
    #expect(try await use(session) > 1)
    await session.close()
  }

  /// What a connection needs is got before each one is made, and for nothing else: an outage of whoever gives it does not
  /// touch those that are open.
  @Test func preparedBeforeEachConnection() async throws {
    let database = Database()
    let prepared = Runs()
    let session = SQLSession(label: "test", prepare: { _ = prepared.next() }) { () throws(DatastoreError) in
      try database.connect()
    }
    #expect(try await use(session) == 1)
    #expect(try await use(session) == 1)
    #expect(prepared.count == 1)
    database.state.withLock { $0.broken = 1 }
    #expect(try await use(session) == 2)
    #expect(prepared.count == 2)
    await session.close()
    let error = await failure { _ = try await use(session) }
    #expect(error?.code == .unavailable)
    #expect(prepared.count == 2)
  }

  @Test func idleConnectionsAreClosed() async throws {
    let database = Database()
    let time = TestTime()
    let connect = { @Sendable () throws(DatastoreError) -> any SQLConnection in try database.connect() }
    let pool = SQLPool(
      limits: .init(readers: 2, idleTime: .seconds(30)), time: time, connectWriter: connect, connectReader: connect)
    try await pool.write { _ in }
    // Two reads at the same time.
    let arrived = Runs()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          try await pool.read { _ in
            _ = arrived.next()
            while arrived.count < 2 { usleep(100) }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(database.state.withLock { $0.open } == 3)
    time.advance(by: .seconds(29))
    try await pool.read { _ in }
    #expect(database.state.withLock { $0.open } == 3)
    time.advance(by: .seconds(1))
    try await pool.read { _ in }
    // The reader that had nothing to do for 30 s.
    #expect(database.state.withLock { $0.open } == 2)
    #expect(database.state.withLock { $0.attempts } == 3)
    time.advance(by: .seconds(30))
    try await pool.write { _ in }
    #expect(database.state.withLock { $0.attempts } == 4)
    await pool.close()
    #expect(database.state.withLock { $0.open } == 0)
  }
}
