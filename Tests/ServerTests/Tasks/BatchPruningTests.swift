import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import SPIFFE
import SQLDatastore
import Synchronization
import Testing

@testable import Server

/// Pruning thousands of rows: small transactions, others write in between, everybody hears of it.
@Suite struct BatchPruningTests {
  private static let rows = 3000

  /// Notes how much each commit changed.
  private final class Commits: CommitObserver {
    private let state = Mutex<[(entries: Int, agents: Int)]>([])
    var all: [(entries: Int, agents: Int)] { state.withLock { $0 } }
    func committed(_ commit: DatastoreCommit) {
      state.withLock { $0.append((commit.entries.count, commit.agents.count)) }
    }
    func commitIsUncertain() {}
  }

  private func with(_ body: @Sendable (SQLDatastore, TestTime, String) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "prune-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let time = TestTime()
    let datastore = try await SQLDatastore.open(
      SQLDatastoreConfiguration(connectionString: folder + "/d.sqlite3"), logger: LogCapture().logger, metrics: .none,
      time: time)
    try await body(datastore, time, folder + "/d.sqlite3")
    await datastore.close()
  }

  private static func entry(_ path: String, expiresAt: Int64 = 0) -> RegistrationEntry {
    RegistrationEntry(
      spiffeID: TestServer.id(path), parentID: TestServer.id("/host"), selectors: [Selector(type: "a", value: "b")],
      expiresAt: expiresAt)
  }

  /// Runs `prune` beside a writer; returns how many of its writes were done before the pruning was.
  private func prune(
    _ datastore: SQLDatastore, _ prune: @escaping @Sendable () async -> Void
  ) async throws -> Int {
    try await withThrowingTaskGroup(of: Void.self) { group in
      let isOver = Atomic(false)
      let count = Atomic(0)
      group.addTask {
        await prune()
        isOver.store(true, ordering: .sequentiallyConsistent)
      }
      var number = 0
      while !isOver.load(ordering: .sequentiallyConsistent), number < 5000 {
        _ = try await datastore.createEntry(Self.entry("/w\(number)"))
        number += 1
        count.store(number, ordering: .relaxed)
      }
      try await group.waitForAll()
      return count.load(ordering: .relaxed)
    }
  }

  @Test func entries() async throws {
    try await with { datastore, time, _ in
      let now = Int64(time.now.timeIntervalSince1970)
      for start in stride(from: 0, to: Self.rows, by: 500) {
        _ = try await datastore.createEntries((start..<(start + 500)).map { Self.entry("/\($0)", expiresAt: now - 1) })
      }
      let keeper = EntryModelKeeper(datastore: datastore, time: time, logger: LogCapture().logger)
      try await keeper.build()
      let commits = Commits()
      datastore.changes.observe(commits)
      let pruner = EntryPruner(datastore: datastore, time: time, metrics: .none, logger: LogCapture().logger)
      let written = try await prune(datastore) { await pruner.prune() }
      #expect(written >= 2)
      #expect(try await datastore.countEntries() == written)
      #expect(keeper.current().entryCount == written)
      #expect(commits.all.allSatisfy { $0.entries <= EntryPruner.batchSize })
      #expect(commits.all.count { $0.entries > 1 } == Self.rows / EntryPruner.batchSize)
    }
  }

  @Test func agents() async throws {
    try await with { datastore, time, file in
      try RawSQLite.run(
        file,
        """
        WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < \(Self.rows))
        INSERT INTO attested_node_entries (spiffe_id, data_type, serial_number, expires_at, new_serial_number, can_reattest)
        SELECT 'spiffe://example.org/spire/agent/x/' || x, 'x', '1', '2020-01-01 00:00:00+00:00', '', 1 FROM n
        """)
      let commits = Commits()
      datastore.changes.observe(commits)
      let pruner = NodePruner(
        rules: .init(expiredFor: .seconds(3600), batchSize: 250), datastore: datastore, time: time, metrics: .none,
        logger: LogCapture().logger)
      let written = try await prune(datastore) { await pruner.prune() }
      #expect(written >= 2)
      #expect(try await datastore.countAgents() == 0)
      #expect(commits.all.allSatisfy { $0.agents <= 250 })
      #expect(commits.all.reduce(0) { $0 + $1.agents } == Self.rows)
    }
  }

  @Test func eventsAndTokens() async throws {
    try await with { datastore, time, file in
      try RawSQLite.run(
        file,
        """
        WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < \(Self.rows))
        INSERT INTO registered_entries_events (created_at, entry_id) SELECT '2020-01-01 00:00:00+00:00', 'e' || x FROM n;
        WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < \(Self.rows))
        INSERT INTO attested_node_entries_events (created_at, spiffe_id)
        SELECT '2020-01-01 00:00:00+00:00', 'spiffe://example.org/' || x FROM n;
        WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < \(Self.rows))
        INSERT INTO join_tokens (token, expiry) SELECT 't' || x, 5 FROM n;
        """)
      let now = Int64(time.now.timeIntervalSince1970)
      try await datastore.createJoinToken(JoinToken(value: "valid", expiresAt: now + 60))
      try await datastore.createJoinToken(JoinToken(value: "late", expiresAt: now - 60))
      let events = EventPruner(
        olderThan: .seconds(3600), datastore: datastore, time: time, logger: LogCapture().logger)
      let tokens = JoinTokenPruner(datastore: datastore, time: time, logger: LogCapture().logger)
      let written = try await prune(datastore) {
        await events.prune()
        await tokens.prune()
      }
      #expect(written >= 2)
      #expect(try await datastore.listEntryEvents(after: 0).count == written)
      #expect(try await datastore.listAgentEvents(after: 0).isEmpty)
      #expect(try await datastore.fetchJoinToken("t1") == nil)
      #expect(try await datastore.fetchJoinToken("t\(Self.rows)") == nil)
      #expect(try await datastore.fetchJoinToken("valid") != nil)
      // Whoever comes a little late is told that the token has expired, not that there is none.
      #expect(try await datastore.fetchJoinToken("late") != nil)
    }
  }
}
