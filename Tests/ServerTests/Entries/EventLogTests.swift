import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Logging
import SPIFFE
import SQLDatastore
import Synchronization
import Testing

@testable import Server

/// The keeper and the event tables: what is pruned, restored, or changed while everything is read.
@Suite struct EventLogTests {
  private struct Setup {
    let file: String
    let ours: SQLDatastore
    let theirs: SQLDatastore
    let keeper: EntryModelKeeper
    let time: TestTime
    let log: LogCapture
    let sink: RecordingSink
  }

  private func with(
    statements: Logger? = nil, _ body: @Sendable (Setup) async throws -> Void
  ) async throws {
    let folder = NSTemporaryDirectory() + "events-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (time, log, sink) = (TestTime(), LogCapture(), RecordingSink())
    let file = folder + "/d.sqlite3"
    let ours = try await SQLDatastore.open(
      SQLDatastoreConfiguration(connectionString: file, logSQL: statements != nil), logger: statements ?? log.logger,
      metrics: Metrics(sinks: [sink]), time: time)
    let theirs = try await SQLDatastore.open(
      SQLDatastoreConfiguration(connectionString: file), logger: log.logger, metrics: .none, time: time)
    let keeper = EntryModelKeeper(datastore: ours, time: time, logger: log.logger)
    try await keeper.build()
    try await body(
      Setup(file: file, ours: ours, theirs: theirs, keeper: keeper, time: time, log: log, sink: sink))
    await ours.close()
    await theirs.close()
  }

  private static func entry(_ path: String) -> RegistrationEntry {
    RegistrationEntry(
      id: String(path.dropFirst()), spiffeID: TestServer.id(path), parentID: TestServer.id("/spire/agent/x"),
      selectors: [Selector(type: "a", value: path)])
  }

  private func ids(_ keeper: EntryModelKeeper) -> [String] { keeper.current().entries.map(\.id).sorted() }

  private func reasons(_ setup: Setup) -> [String] {
    setup.log.all("Reading all entries and agents again").compactMap { $0.fields["reason"] }
  }

  // MARK: Cost

  @Test func aRoundInWhichNothingHappenedIsOneLook() async throws {
    try await with { setup in
      _ = try await setup.ours.createEntry(Self.entry("/a"))
      await setup.keeper.poll()
      let before = setup.sink.counters.count
      await setup.keeper.poll()
      let calls = setup.sink.counters.dropFirst(before).map { $0.key.joined(separator: ".") }.sorted()
      // One query, counted for both tables.
      #expect(calls == ["datastore.node_event.list", "datastore.registration_entry_event.list"])
    }
  }

  // MARK: The table changes under the server

  @Test func eventsPrunedUnread() async throws {
    try await with { setup in
      _ = try await setup.ours.createEntry(Self.entry("/a"))
      _ = try await setup.theirs.createEntry(Self.entry("/b"))
      try RawSQLite.run(setup.file, "DELETE FROM registered_entries_events")
      _ = try await setup.theirs.createEntry(Self.entry("/c"))
      await setup.keeper.poll()
      #expect(ids(setup.keeper) == ["a", "b", "c"])
      #expect(reasons(setup) == [ReloadReason.pruned.rawValue])
    }
  }

  @Test func anEmptyTable() async throws {
    try await with { setup in
      _ = try await setup.ours.createEntry(Self.entry("/a"))
      _ = try await setup.theirs.createEntry(Self.entry("/b"))
      setup.time.advance(by: .seconds(60))
      #expect(try await setup.theirs.pruneEvents(.entries, before: setup.time.now) == 2)
      await setup.keeper.poll()
      #expect(ids(setup.keeper) == ["a", "b"])
      #expect(reasons(setup) == [ReloadReason.wentBack.rawValue])
      // Nothing more comes of it, and events go on.
      await setup.keeper.poll()
      _ = try await setup.theirs.createEntry(Self.entry("/c"))
      await setup.keeper.poll()
      #expect(ids(setup.keeper) == ["a", "b", "c"])
      #expect(reasons(setup).count == 1)
    }
  }

  @Test func aDatabaseThatWasRestored() async throws {
    try await with { setup in
      _ = try await setup.ours.createEntry(Self.entry("/a"))
      // As many events as before, others.
      try RawSQLite.run(
        setup.file,
        "DELETE FROM registered_entries; DELETE FROM registered_entries_events; DELETE FROM sqlite_sequence;")
      _ = try await setup.theirs.createEntry(Self.entry("/other"))
      await setup.keeper.poll()
      #expect(ids(setup.keeper) == ["other"])
      // And one more.
      try RawSQLite.run(
        setup.file,
        "DELETE FROM registered_entries; DELETE FROM registered_entries_events; DELETE FROM sqlite_sequence;")
      _ = try await setup.theirs.createEntry(Self.entry("/third"))
      _ = try await setup.theirs.createEntry(Self.entry("/fourth"))
      await setup.keeper.poll()
      #expect(ids(setup.keeper) == ["fourth", "third"])
      #expect(reasons(setup) == [ReloadReason.changed.rawValue, ReloadReason.changed.rawValue])
    }
  }

  @Test func aServerThatSleptForLong() async throws {
    try await with { setup in
      // Nothing to recognise the table by, and nothing left of what happened.
      _ = try await setup.theirs.createEntry(Self.entry("/a"))
      try RawSQLite.run(setup.file, "DELETE FROM registered_entries_events")
      setup.time.advance(by: .seconds(7 * 3600))
      await setup.keeper.poll()
      #expect(ids(setup.keeper) == ["a"])
      #expect(reasons(setup) == [ReloadReason.slept.rawValue])
    }
  }

  @Test func everythingIsReadAgainNowAndThen() async throws {
    try await with { setup in
      _ = try await setup.ours.createEntry(Self.entry("/a"))
      try RawSQLite.run(setup.file, "UPDATE registered_entries SET hint = 'h'")
      let changes = setup.ours.changes.subscribe()
      for _ in 0..<23 {
        setup.time.advance(by: .seconds(3600))
        await setup.keeper.poll()
      }
      setup.time.advance(by: .seconds(3599))
      await setup.keeper.poll()
      #expect(setup.keeper.current().entry(id: "a")?.hint == "")
      setup.time.advance(by: .seconds(2))
      await setup.keeper.poll()
      #expect(setup.keeper.current().entry(id: "a")?.hint == "h")
      // What differs is told, and nothing else.
      #expect(changes.pending()?.entryEvents == [EntryEvent(id: 0, entryID: "a")])
      await setup.keeper.poll()
      #expect(changes.pending() == nil)
    }
  }

  @Test func aRowThatNamesNoAgentIsLoggedOnce() async throws {
    try await with { setup in
      try RawSQLite.run(setup.file, "INSERT INTO attested_node_entries_events (spiffe_id) VALUES ('nobody')")
      _ = try await setup.theirs.createEntry(Self.entry("/a"))
      for _ in 0..<3 { await setup.keeper.poll() }
      #expect(ids(setup.keeper) == ["a"])
      #expect(setup.log.all("Skipping agent event").count == 1)
    }
  }

  @Test func anOutageIsSaidOnceAndItsEndToo() async throws {
    try await with { setup in
      try RawSQLite.run(setup.file, "ALTER TABLE registered_entries_events RENAME TO away")
      for _ in 0..<30 { await setup.keeper.poll() }
      #expect(setup.log.all("Failed to reload entry cache").count == 1)
      try RawSQLite.run(setup.file, "ALTER TABLE away RENAME TO registered_entries_events")
      _ = try await setup.theirs.createEntry(Self.entry("/a"))
      for _ in 0..<3 { await setup.keeper.poll() }
      #expect(ids(setup.keeper) == ["a"])
      let lines = setup.log.all("The entry cache follows the datastore again")
      #expect(lines.map { $0.fields["failed_attempts"] } == ["30"])
    }
  }

  // MARK: Who follows

  @Test func otherServersChangesAreTold() async throws {
    try await with { setup in
      let changes = setup.ours.changes.subscribe()
      let created = try await setup.theirs.createEntry(Self.entry("/a")).entry
      try await setup.theirs.setNodeSelectors([Selector(type: "t", value: "v")], of: TestServer.id("/spire/agent/x"))
      #expect(changes.pending() == nil)
      await setup.keeper.poll()
      let told = changes.pending()
      #expect(told?.entryEvents == [EntryEvent(id: 1, entryID: created.id)])
      #expect(told?.agentEvents.map(\.agentID) == [TestServer.id("/spire/agent/x")])
      await setup.keeper.poll()
      #expect(changes.pending() == nil)
    }
  }

  @Test func bundlesOfOtherServersAreTold() async throws {
    try await with { setup in
      let partner = try TrustDomain("partner.test")
      let cache = BundleCache(datastore: setup.ours, time: setup.time)
      #expect(try await cache.bundle(of: partner) == nil)
      await setup.keeper.poll()
      let changes = setup.ours.changes.subscribe()
      var bundle = Bundle(trustDomain: partner)
      _ = try await setup.theirs.setBundle(bundle)
      #expect(try await cache.bundle(of: partner) == nil)
      await setup.keeper.poll()
      #expect(changes.pending()?.bundles == [partner])
      #expect(try await cache.bundle(of: partner) == bundle)
      // The clock stands still, so that the next change has the same time stamp.
      bundle.sequenceNumber = 7
      _ = try await setup.theirs.setBundle(bundle)
      await setup.keeper.poll()
      #expect(changes.pending()?.bundles == [partner])
      #expect(try await cache.bundle(of: partner)?.sequenceNumber == 7)
      try await setup.theirs.deleteBundle(of: partner, mode: .restrict)
      await setup.keeper.poll()
      #expect(changes.pending()?.bundles == [partner])
      #expect(try await cache.bundle(of: partner) == nil)
      await setup.keeper.poll()
      #expect(changes.pending() == nil)
    }
  }

  /// Where time stamps have whole seconds, two changes within one of them look like one.
  @Test func coarseTimeStampsAreLookedAtAgain() throws {
    let partner = try TrustDomain("partner.test")
    func mark(_ second: Int64, _ nanoseconds: Int32) -> [TrustDomain: BundleMark] {
      [partner: BundleMark(rowID: 1, updatedAt: second, nanoseconds: nanoseconds, size: 9)]
    }
    var marks = BundleMarks()
    #expect(marks.changes(mark(1, 0), now: .seconds(1)).isEmpty)
    #expect(marks.changes(mark(2, 0), now: .seconds(2)) == [partner])
    #expect(marks.changes(mark(2, 0), now: .seconds(3)).isEmpty)
    #expect(marks.changes(mark(2, 0), now: .seconds(4)) == [partner])
    #expect(marks.changes(mark(2, 0), now: .seconds(5)).isEmpty)
    #expect(marks.changes(mark(3, 5), now: .seconds(6)) == [partner])
    #expect(marks.changes(mark(3, 5), now: .seconds(9)).isEmpty)
  }

  @Test func aHintWakesTheServerAtOnce() async throws {
    let (time, signal) = (TestTime(), WakeSignal())
    let wakes = Mutex(0)
    let task = Task {
      while !Task.isCancelled {
        do { try await signal.wait(atMost: .seconds(1), time: time) } catch { return }
        wakes.withLock { $0 += 1 }
      }
    }
    // Raised before anybody waits, it is not lost.
    signal.raise()
    while wakes.withLock({ $0 }) < 1 { await Task.yield() }
    signal.raise()
    while wakes.withLock({ $0 }) < 2 { await Task.yield() }
    await time.waitForSleepers()
    time.advance(by: .seconds(1))
    while wakes.withLock({ $0 }) < 3 { await Task.yield() }
    task.cancel()
    await task.value
  }

  // MARK: Reading everything

  /// Stops whoever reads the second page of entries, until it is let on.
  private final class Gate: LogHandler, Sendable {
    private struct State {
      var pages = 0
      var isArmed = false
    }
    private let state = Mutex(State())
    let reached = DispatchSemaphore(value: 0)
    let goOn = DispatchSemaphore(value: 0)

    var metadata: Logger.Metadata {
      get { [:] }
      set {}
    }
    var logLevel: Logger.Level {
      get { .trace }
      set {}
    }
    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
      get { nil }
      set {}
    }

    func arm() { state.withLock { $0.isArmed = true } }

    func log(event: LogEvent) {
      let statement = event.metadata?["statement"]?.description ?? ""
      guard statement.contains("FROM registered_entries e WHERE e.id > ?") else { return }
      let isSecond = state.withLock { state in
        guard state.isArmed else { return false }
        state.pages += 1
        return state.pages == 1
      }
      guard isSecond else { return }
      reached.signal()
      goOn.wait()
    }
  }

  @Test func readingEverythingHoldsNobodyUp() async throws {
    let gate = Gate()
    try await with(statements: Logger(label: "test", factory: { _ in gate })) { setup in
      for start in stride(from: 0, to: 2500, by: 100) {
        _ = try await setup.ours.createEntries((start..<(start + 100)).map { Self.entry("/n\($0)") })
      }
      gate.arm()
      setup.keeper.commitIsUncertain()
      async let reload: Void = setup.keeper.poll()
      await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
          gate.reached.wait()
          continuation.resume()
        }
      }
      // It is in the middle. Commits are made and seen, entries are there, another server writes.
      var changed = Self.entry("/n0")
      changed.hint = "ours"
      _ = try await setup.ours.updateEntry(changed)
      try await setup.ours.deleteEntry(id: "n1")
      _ = try await setup.ours.createEntry(Self.entry("/new"))
      #expect(setup.keeper.current().entry(id: "n0")?.hint == "ours")
      #expect(setup.keeper.current().entry(id: "n1") == nil)
      #expect(setup.keeper.current().entryCount == 2500)
      var theirs = Self.entry("/n2")
      theirs.hint = "theirs"
      _ = try await setup.theirs.updateEntry(theirs)
      gate.goOn.signal()
      await reload
      #expect(setup.keeper.current().entry(id: "n0")?.hint == "ours")
      #expect(setup.keeper.current().entry(id: "n1") == nil)
      #expect(setup.keeper.current().entryCount == 2500)
      await setup.keeper.poll()
      #expect(setup.keeper.current().entry(id: "n2")?.hint == "theirs")
      let stored = try await setup.theirs.listEntries().sorted { $0.id < $1.id }
      #expect(setup.keeper.current().entries.sorted { $0.id < $1.id } == stored)
    }
  }
}
