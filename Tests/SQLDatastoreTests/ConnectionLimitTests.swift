import Daemon
import DatastoreAPI
import Foundation
import Synchronization
import Testing

@testable import SQLDatastore

/// `max_idle_conns` and `conn_max_lifetime` (server-behaviour §11.1).
@Suite struct ConnectionLimitTests {
  /// Counts the connections that are open.
  private final class Counter: Sendable {
    let state = Mutex((open: 0, made: 0))
    var open: Int { state.withLock { $0.open } }
    var made: Int { state.withLock { $0.made } }
  }

  private final class Connection: SQLConnection {
    private let counter: Counter
    init(_ counter: Counter) {
      self.counter = counter
      counter.state.withLock {
        $0.open += 1
        $0.made += 1
      }
    }
    deinit { counter.state.withLock { $0.open -= 1 } }

    let dialect: any Dialect = SQLiteDialect()
    let serverVersion = ""
    let isInTransaction = false
    func execute(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int { 0 }
    func insert(_ sql: String, _ arguments: [SQLValue]) throws(DatastoreError) -> Int64 { 0 }
    func query(
      _ sql: String, _ arguments: [SQLValue], _ body: (any SQLRow) throws(DatastoreError) -> Void
    ) throws(DatastoreError) {}
  }

  private func pool(_ limits: SQLPool.Limits, _ counter: Counter, _ time: any TimeSource = TestTime()) -> SQLPool {
    SQLPool(
      limits: limits, time: time, connectWriter: { Connection(counter) }, connectReader: { Connection(counter) })
  }

  /// Reads on so many connections at the same time.
  private func read(_ pool: SQLPool, together count: Int) async throws {
    let gate = Gate(count)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<count {
        group.addTask {
          try await pool.read { _ in
            // Each on a queue of its own: the last one lets all go.
            gate.arrive()
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test(arguments: [(0, 0), (1, 1), (2, 2), (9, 3)])
  func idleConnectionsBeyondTheLimitAreClosed(_ row: (Int, Int)) async throws {
    let counter = Counter()
    let pool = pool(SQLPool.Limits(readers: 3, idleReaders: row.0), counter)
    for _ in 0..<3 {
      try await read(pool, together: 3)
      #expect(counter.open == row.1)
    }
    await pool.close()
    #expect(counter.open == 0)
  }

  @Test func connectionsAreRenewedByAge() async throws {
    let counter = Counter()
    let time = TestTime()
    let pool = pool(SQLPool.Limits(readers: 1, age: .seconds(60)), counter, time)
    try await pool.read { _ in }
    try await pool.write { _ in }
    time.advance(by: .seconds(59))
    try await pool.read { _ in }
    #expect(counter.made == 2)
    time.advance(by: .seconds(1))
    try await pool.read { _ in }
    try await pool.write { _ in }
    #expect(counter.made == 4 && counter.open == 2)
    await pool.close()
  }

  @Test func aDatabaseInMemoryKeepsItsOnlyConnection() async throws {
    let time = TestTime()
    let datastore = try await SQLDatastore.open(
      SQLDatastoreConfiguration(
        connectionString: ":memory:", maxIdleConnections: 0, connectionMaxLifetime: .seconds(1)),
      logger: RecordingLog().logger, metrics: .none, time: time)
    try await datastore.createJoinToken(JoinToken(value: "t", expiresAt: 1))
    time.advance(by: .seconds(3600))
    #expect(try await datastore.fetchJoinToken("t") != nil)
    await datastore.close()
  }

  @Test func aFileKeepsItsRows() async throws {
    let folder = try TemporaryFolder()
    let time = TestTime()
    let datastore = try await SQLDatastore.open(
      SQLDatastoreConfiguration(
        connectionString: folder.file("d.sqlite3"), maxOpenConnections: 0, maxIdleConnections: 0,
        connectionMaxLifetime: .seconds(1)), logger: RecordingLog().logger, metrics: .none, time: time)
    for n in 0..<5 {
      try await datastore.createJoinToken(JoinToken(value: "t\(n)", expiresAt: 1))
      time.advance(by: .seconds(2))
      #expect(try await datastore.fetchJoinToken("t\(n)") != nil)
    }
    await datastore.close()
    withExtendedLifetime(folder) {}
  }
}
