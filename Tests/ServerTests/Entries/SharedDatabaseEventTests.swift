import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Mutations
import SPIFFE
import Synchronization
import TestDatabases
import Testing

@testable import SQLDatastore
@testable import Server

/// Several servers on one database, with transactions that overlap, stay open, are undone, and sequences that jump.
@Suite struct SharedDatabaseEventTests {
  private struct Peer {
    let datastore: SQLDatastore
    let keeper: EntryModelKeeper
    let log: LogCapture
  }

  private static func peer(_ engine: SharedDatabase, _ text: String, _ time: TestTime) async throws -> Peer {
    let log = LogCapture()
    let datastore = try await SQLDatastore.open(
      engine.configuration(text), logger: log.logger, metrics: .none, time: time)
    let keeper = EntryModelKeeper(datastore: datastore, time: time, logger: log.logger)
    try await keeper.build()
    return Peer(datastore: datastore, keeper: keeper, log: log)
  }

  private func with(
    servers count: Int, on engine: SharedDatabase = .postgres,
    _ body: (_ peers: [Peer], _ text: String, _ time: TestTime) async throws -> Void
  ) async throws {
    try await engine.with { text in
      let time = TestTime()
      var peers: [Peer] = []
      for _ in 0..<count { peers.append(try await Self.peer(engine, text, time)) }
      let result: Result<Void, any Error>
      do { result = .success(try await body(peers, text, time)) } catch { result = .failure(error) }
      for peer in peers { await peer.datastore.close() }
      try result.get()
    }
  }

  private static func entry(_ path: String) -> RegistrationEntry {
    RegistrationEntry(
      id: String(path.dropFirst()), spiffeID: TestServer.id(path), parentID: TestServer.id("/spire/agent/x"),
      selectors: [Selector(type: "a", value: path)])
  }

  /// A server that writes as slowly as it likes, and not with the code under test.
  private final class Writer {
    let run: (_ sql: String) throws -> Void
    private(set) var isOpen = false

    init(_ text: String, _ engine: SharedDatabase = .postgres) throws { run = try engine.session(text) }

    func begin(_ id: String) throws {
      try run("BEGIN")
      isOpen = true
      try run(
        """
        INSERT INTO registered_entries (created_at, updated_at, entry_id, spiffe_id, parent_id, ttl, admin, downstream, \
        expiry, revision_number, store_svid, hint, jwt_svid_ttl) VALUES (now(), now(), '\(id)', \
        'spiffe://example.org/\(id)', 'spiffe://example.org/spire/agent/x', 0, false, false, 0, 0, false, '', 0)
        """)
      try event(id)
    }

    func event(_ id: String) throws {
      try run("INSERT INTO registered_entries_events (created_at, updated_at, entry_id) VALUES (now(), now(), '\(id)')")
    }

    func end(_ how: String) throws {
      isOpen = false
      try run(how)
    }
  }

  @Test func anEventThatCommitsLate() async throws {
    try await with(servers: 2) { peers, text, _ in
      let (slow, lost) = (try Writer(text), try Writer(text))
      try slow.begin("slow")
      try lost.begin("lost")
      _ = try await peers[1].datastore.createEntry(Self.entry("/quick"))
      let keeper = peers[0].keeper
      await keeper.poll()
      #expect(keeper.current().entries.map(\.id) == ["quick"])
      #expect(keeper.state.withLock(\.entryCursor.missingCount) == 2)
      try lost.end("ROLLBACK")
      await keeper.poll()
      // It cannot be told which of the two was undone.
      #expect(keeper.state.withLock(\.entryCursor.missingCount) == 2)
      try slow.end("COMMIT")
      await keeper.poll()
      #expect(keeper.current().entries.map(\.id).sorted() == ["quick", "slow"])
      #expect(keeper.state.withLock(\.entryCursor.missingCount) == 0)
    }
  }

  @Test func theSkippedIDsOfEndedTransactionsAreNotWaitedFor() async throws {
    try await with(servers: 1) { peers, text, time in
      let writer = try Writer(text)
      for number in 0..<5 {
        try writer.begin("undone\(number)")
        try writer.end("ROLLBACK")
      }
      try writer.run("SELECT setval('registered_entries_events_id_seq', 1000000)")
      try writer.begin("one")
      try writer.end("COMMIT")
      let keeper = peers[0].keeper
      for _ in 0..<3 { await keeper.poll() }
      #expect(keeper.current().entries.map(\.id) == ["one"])
      #expect(keeper.state.withLock(\.entryCursor.missingCount) == 0)
      // A transaction that stays open is named, once in a while.
      try writer.begin("open")
      _ = try await peers[0].datastore.createEntry(Self.entry("/two"))
      for _ in 0..<40 {
        time.advance(by: .seconds(30))
        await keeper.poll()
      }
      let lines = peers[0].log.records.filter { $0.message.hasPrefix("Transactions have been open for longer") }
      #expect(lines.count == 1 && lines.first?.fields["transactions"]?.contains("pid") == true)
      try writer.end("COMMIT")
      for _ in 0..<3 {
        time.advance(by: .seconds(30))
        await keeper.poll()
      }
      #expect(keeper.current().entries.map(\.id).sorted() == ["one", "open", "two"])
    }
  }

  /// - Parameter cache: how many IDs a session takes at once. With more than one it cannot be told who may have an ID, so
  ///   that time decides, as it does on engines that do not tell.
  @Test(arguments: 0..<4, [1, 5]) func modelsEndEqualToTheTables(seed: UInt64, cache: Int) async throws {
    try await interleave(on: .postgres, seed: seed &* 7919) { writer in
      try writer.run("ALTER SEQUENCE registered_entries_events_id_seq CACHE \(cache)")
    } skip: { writer, count in
      let sequence = "registered_entries_events_id_seq"
      try writer.run("SELECT setval('\(sequence)', nextval('\(sequence)') + \(count))")
    } atEnd: { peer in
      if cache == 1 { #expect(peer.keeper.state.withLock(\.entryCursor.missingCount) == 0) }
    }
  }

  @Test(arguments: 0..<4) func modelsEndEqualToTheTablesOnMariaDB(seed: UInt64) async throws {
    try await interleave(on: .mariaDB, seed: seed &* 7907) { _ in
    } skip: { writer, count in
      // What an undone INSERT took of the counter is gone.
      try writer.run("BEGIN")
      let rows = [String](repeating: "(now(), now(), 'skipped')", count: count).joined(separator: ", ")
      try writer.run("INSERT INTO registered_entries_events (created_at, updated_at, entry_id) VALUES " + rows)
      try writer.run("ROLLBACK")
    } atEnd: { _ in
    }
  }

  /// Two servers and four writers in a random order, with gaps and pruning; at the end the models equal the tables.
  private func interleave(
    on engine: SharedDatabase, seed: UInt64, prepare: (Writer) throws -> Void,
    skip: (Writer, _ count: Int) throws -> Void, atEnd: (Peer) -> Void
  ) async throws {
    try await with(servers: 2, on: engine) { peers, text, time in
      var random = SplitMix64(seed: seed)
      let writers = try (0..<4).map { _ in try Writer(text, engine) }
      try prepare(writers[0])
      var names = 0
      for _ in 0..<250 {
        let writer = writers.randomElement(using: &random)!
        let peer = peers.randomElement(using: &random)!
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<4:
          guard !writer.isOpen else { continue }
          names += 1
          try writer.begin("w\(names)")
        case 4..<9:
          guard writer.isOpen else { continue }
          if Bool.random(using: &random) { try writer.event("w\(names)") }
          try writer.end(Int.random(in: 0..<3, using: &random) == 0 ? "ROLLBACK" : "COMMIT")
        case 9..<12:
          names += 1
          _ = try await peer.datastore.createEntry(Self.entry("/p\(names)"))
        case 12:
          _ = try? await peer.datastore.deleteEntry(id: "p\(Int.random(in: 0...names, using: &random))")
        case 13:
          guard let idle = writers.first(where: { !$0.isOpen }) else { continue }
          try skip(idle, Int.random(in: 1...100, using: &random))
        case 14:
          guard Int.random(in: 0..<4, using: &random) == 0, let idle = writers.first(where: { !$0.isOpen }) else {
            continue
          }
          // Rows that are not committed hold a DELETE up on MariaDB.
          if engine == .mariaDB, writers.contains(where: \.isOpen) { continue }
          // Events are kept for much longer than it takes until every gap is looked at again.
          time.advance(by: .seconds(31))
          for peer in peers { await peer.keeper.poll() }
          try idle.run("DELETE FROM registered_entries_events")
        default:
          time.advance(by: .milliseconds(Int.random(in: 0...2000, using: &random)))
          await peer.keeper.poll()
        }
      }
      for writer in writers where writer.isOpen { try writer.end("COMMIT") }
      for _ in 0..<3 {
        time.advance(by: .seconds(31))
        for peer in peers { await peer.keeper.poll() }
      }
      let stored = try await peers[0].datastore.listEntries().sorted { $0.id < $1.id }
      for peer in peers {
        #expect(peer.keeper.current().entries.sorted { $0.id < $1.id } == stored)
        atEnd(peer)
      }
    }
  }

  @Test(.timeLimit(.minutes(4))) func aCommitIsToldAtOnce() async throws {
    try await with(servers: 2) { peers, text, _ in
      let (stream, hints) = AsyncStream.makeStream(of: Void.self)
      let ours = peers[0].datastore
      let listener = Task {
        await ours.listenForCommits { hints.yield() }
        hints.finish()
      }
      var iterator = stream.makeAsyncIterator()
      // The first one: what came before nobody heard.
      _ = await iterator.next()
      _ = try await peers[1].datastore.createEntry(Self.entry("/a"))
      _ = await iterator.next()
      await peers[0].keeper.poll()
      #expect(peers[0].keeper.current().entries.map(\.id) == ["a"])
      _ = try await peers[1].datastore.setBundle(Bundle(trustDomain: TestServer.domain))
      _ = await iterator.next()
      // Nothing was changed, nothing is told: the next hint is of what comes then.
      #expect(try await peers[1].datastore.pruneJoinTokens(expiredBefore: 1) == 0)
      // A connection that is cut is made again, and what came meanwhile is not lost.
      let writer = try Writer(text)
      try writer.run(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE query LIKE 'LISTEN%' AND datname = current_database()
        """)
      _ = await iterator.next()
      _ = try await peers[1].datastore.createEntry(Self.entry("/b"))
      _ = await iterator.next()
      listener.cancel()
      await listener.value
    }
  }
}
