import DatastoreAPI
import SPIFFE
import Synchronization
import Testing

@testable import SQLDatastore

/// Writes that wait for the connection at the same time share a commit, and each is still a transaction of its own.
@Suite struct WriteGroupTests {
  /// Runs `writes` so that all of them wait while another process holds the lock; returns the commits they took.
  private func together(
    _ writes: [@Sendable (SQLDatastore) async -> Void],
    prepare: @Sendable (SQLDatastore) async throws -> Void = { _ in }, check: (SQLDatastore) async throws -> Void
  ) async throws -> Int {
    let folder = try TemporaryFolder()
    let path = folder.path + "/d.sqlite3"
    let log = RecordingLog()
    let datastore = try await open(path, logger: log.logger, logSQL: true)
    try await prepare(datastore)
    let other = try RawDatabase(path)
    try other.rows("BEGIN IMMEDIATE")
    let before = log.lines.count
    await withTaskGroup(of: Void.self) { group in
      for write in writes { group.addTask { await write(datastore) } }
      // The first ones have begun and wait for the lock, the others wait for them.
      while datastore.group.count < writes.count { await Task.yield() }
      _ = try? other.rows("COMMIT")
    }
    try await check(datastore)
    await datastore.close()
    withExtendedLifetime(folder) {}
    return log.lines.dropFirst(before).filter { $0.metadata["statement"] == "COMMIT" }.count
  }

  @Test func waitingWritesShareACommit() async throws {
    let created = Mutex<Set<String>>([])
    let writes = (0..<10).map { number in
      { @Sendable (datastore: SQLDatastore) async -> Void in
        guard let entry = try? await datastore.createEntry(entry("/w\(number)", "a:1")).entry else { return }
        created.withLock { _ = $0.insert(entry.id) }
      }
    }
    let commits = try await together(writes) { datastore in
      let ids = Set(try await datastore.listEntries().map(\.id))
      #expect(ids == created.withLock { $0 })
    }
    #expect(created.withLock { $0.count } == 10)
    // Those that came while the first ones waited share one.
    #expect(commits < 10, "\(commits)")
  }

  @Test func aWriteThatFailsLeavesTheOthersAlone() async throws {
    let observer = Observer()
    let bad = try entry("/bad", "a:1", id: "bad")
    let failures = Mutex(0)
    var writes = (0..<6).map { number in
      { @Sendable (datastore: SQLDatastore) async -> Void in
        _ = try? await datastore.createEntry(entry("/w\(number)", "a:1", id: "id\(number)"))
      }
    }
    for _ in 0..<2 {
      writes.append { datastore in
        do {
          // Fails after it has written.
          _ = try await datastore.writeUncounted { (transaction) throws(DatastoreError) in
            _ = try transaction.createEntry(bad)
            throw DatastoreError(.invalidArgument, "no")
          }
        } catch {
          failures.withLock { $0 += 1 }
        }
      }
    }
    _ = try await together(writes, prepare: { $0.changes.observe(observer) }) { datastore in
      let ids = Set(try await datastore.listEntries().map(\.id))
      #expect(ids == ["id0", "id1", "id2", "id3", "id4", "id5"])
      #expect(Set(observer.entries) == ids)
    }
    #expect(failures.withLock { $0 } == 2)
  }

  @Test func aFaultOfTheDatabaseIsOnlyOfTheWriteThatHasIt() async throws {
    let runs = Mutex(0)
    let failed = Mutex(0)
    var writes = (0..<4).map { number in
      { @Sendable (datastore: SQLDatastore) async -> Void in
        _ = try? await datastore.createEntry(entry("/w\(number)", "a:1", id: "id\(number)"))
      }
    }
    for _ in 0..<2 {
      writes.append { datastore in
        do {
          _ = try await datastore.writeUncounted { (transaction) throws(DatastoreError) in
            runs.withLock { $0 += 1 }
            throw DatastoreError(.unavailable, "disk")
          }
        } catch {
          failed.withLock { $0 += 1 }
        }
      }
    }
    _ = try await together(writes) { datastore in
      let ids = Set(try await datastore.listEntries().map(\.id))
      #expect(ids == ["id0", "id1", "id2", "id3"])
    }
    #expect(failed.withLock { $0 } == 2)
    #expect(runs.withLock { $0 } >= 2)
  }

  private final class Observer: CommitObserver {
    private let seen = Mutex<[String]>([])
    var entries: [String] { seen.withLock { $0 } }
    func committed(_ commit: DatastoreCommit) {
      let ids = commit.entries.map(\.event.entryID)
      seen.withLock { $0 += ids }
    }
    func commitIsUncertain() {}
  }
}
