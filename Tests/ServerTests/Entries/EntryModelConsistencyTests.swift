import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Mutations
import SPIFFE
import SQLDatastore
import Testing

@testable import Server

/// The models equal the database after whatever was written, by whomever, in any order.
@Suite struct EntryModelConsistencyTests {
  private static let parents = (0..<3).map { TestServer.id("/spire/agent/p\($0)") } + [TestServer.id("/spire/server")]
  private static let partner = try! TrustDomain("partner.test")

  private struct Setup {
    let folder: String
    let ours: SQLDatastore
    let theirs: SQLDatastore
    let keeper: EntryModelKeeper
    let time: TestTime
  }

  private func with(_ body: @Sendable (Setup) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "model-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (time, logger) = (TestTime(), LogCapture().logger)
    // Nobody waits for a lock longer than a test may take.
    let configuration = SQLDatastoreConfiguration(connectionString: folder + "/d.sqlite3")
    let ours = try await SQLDatastore.open(configuration, logger: logger, metrics: .none, time: time)
    let theirs = try await SQLDatastore.open(configuration, logger: logger, metrics: .none, time: time)
    let keeper = EntryModelKeeper(datastore: ours, time: time, logger: logger)
    try await keeper.build()
    try await body(Setup(folder: folder, ours: ours, theirs: theirs, keeper: keeper, time: time))
    await ours.close()
    await theirs.close()
  }

  /// One random write. Many fail: what they name is not there, or is there already.
  private static func write(_ store: SQLDatastore, _ random: inout SplitMix64) async {
    let selector = Selector(type: "t", value: "\(Int.random(in: 0..<3, using: &random))")
    let agent = parents[Int.random(in: 0..<3, using: &random)]
    var entry = RegistrationEntry(
      id: "e\(Int.random(in: 0..<12, using: &random))",
      spiffeID: TestServer.id("/w\(Int.random(in: 0..<5, using: &random))"),
      parentID: parents.randomElement(using: &random)!, selectors: [selector, Selector(type: "u", value: "x")])
    entry.admin = Bool.random(using: &random)
    entry.dnsNames = ["b.test", "a.test"]
    entry.x509SVIDTTL = Int32.random(in: -1...3, using: &random)
    if Bool.random(using: &random) { entry.federatesWith = [partner] }
    if Bool.random(using: &random) { entry.additionalAttributes = AdditionalAttributes(jwtSVIDIncludeJTI: true) }
    let node = AttestedNode(
      id: agent, attestationType: "join_token", serialNumber: "\(Int.random(in: 1..<9, using: &random))",
      expiresAt: 1_900_000_000, selectors: [selector])
    switch Int.random(in: 0..<14, using: &random) {
    case 0...3: _ = try? await store.createEntries([entry, entry])
    case 4: _ = try? await store.updateEntry(entry)
    case 5: _ = try? await store.updateEntry(entry, mask: [.parentID, .admin])
    case 6: _ = try? await store.deleteEntry(id: entry.id)
    case 7, 8: _ = try? await store.recordAttestation(of: node)
    case 9: _ = try? await store.updateAgent(node, mask: .serialNumber)
    case 10: _ = try? await store.deleteAgent(id: agent)
    case 11: _ = try? await store.setNodeSelectors([selector], of: agent)
    case 12: _ = try? await store.setBundle(Bundle(trustDomain: partner))
    default:
      let mode: BundleDeletionMode = [.delete, .dissociate, .restrict].randomElement(using: &random)!
      try? await store.deleteBundle(of: partner, mode: mode)
    }
  }

  private func expectEqual(_ setup: Setup, _ comment: Comment) async throws {
    let stored = try await setup.theirs.listEntries()
    let model = setup.keeper.current()
    #expect(model.entries.sorted { $0.id < $1.id } == stored.sorted { $0.id < $1.id }, comment)
    let agents = try await setup.theirs.listAgents(.all, page: nil, withSelectors: true).items
    for agent in Self.parents.prefix(3) {
      var known = setup.keeper.agent(agent)
      if known != nil { known?.selectors = model.selectors(ofAgent: agent).sorted() }
      var wanted = agents.first { $0.id == agent }
      wanted?.selectors.sort()
      #expect(known == wanted, comment)
    }
    for entry in stored {
      #expect(model.isAdmin(entry.spiffeID) == stored.contains { $0.admin && $0.spiffeID == entry.spiffeID }, comment)
    }
    // And the indices are those of a model that was made at once.
    let fresh = EntryModel(
      entries: stored, agentSelectors: Dictionary(uniqueKeysWithValues: agents.map { ($0.id, $0.selectors) }))
    for parent in Self.parents.prefix(3) {
      #expect(
        Set(model.authorizedEntries(for: parent).map(\.id)) == Set(fresh.authorizedEntries(for: parent).map(\.id)),
        comment)
    }
  }

  @Test(arguments: 0..<6) func everyWriteIsThereWhenItIsAcknowledged(seed: UInt64) async throws {
    try await with { setup in
      var random = SplitMix64(seed: seed)
      for step in 0..<60 {
        await Self.write(setup.ours, &random)
        try await expectEqual(setup, "step \(step)")
      }
    }
  }

  @Test(arguments: 0..<4) func concurrentWritersLeaveTheModelEqual(seed: UInt64) async throws {
    try await with { setup in
      await withTaskGroup(of: Void.self) { group in
        for writer in 0..<4 {
          group.addTask {
            var random = SplitMix64(seed: seed &* 31 &+ UInt64(writer))
            for _ in 0..<40 { await Self.write(setup.ours, &random) }
          }
        }
      }
      try await expectEqual(setup, "after all writers")
    }
  }

  @Test(arguments: 0..<4) func anotherServerWritesAtTheSameTime(seed: UInt64) async throws {
    try await with { setup in
      await withTaskGroup(of: Void.self) { group in
        for (number, store) in [setup.ours, setup.theirs].enumerated() {
          group.addTask {
            var random = SplitMix64(seed: seed &* 17 &+ UInt64(number))
            for _ in 0..<40 { await Self.write(store, &random) }
          }
        }
        group.addTask { for _ in 0..<40 { await setup.keeper.poll() } }
        group.addTask {
          for _ in 0..<5 {
            setup.keeper.commitIsUncertain()
            await setup.keeper.poll()
          }
        }
      }
      await setup.keeper.poll()
      try await expectEqual(setup, "after both servers")
    }
  }

  @Test func aTransactionThatFailsChangesNothing() async throws {
    try await with { setup in
      let entry = RegistrationEntry(
        id: "one", spiffeID: TestServer.id("/w"), parentID: Self.parents[0],
        selectors: [Selector(type: "a", value: "b")])
      _ = try await setup.ours.createEntry(entry)
      var same = entry
      same.spiffeID = TestServer.id("/other")
      var unknown = entry
      unknown.id = "two"
      unknown.spiffeID = TestServer.id("/third")
      unknown.federatesWith = [Self.partner]
      let results = try await setup.ours.createEntries([same, unknown])
      #expect(results.allSatisfy { (try? $0.get()) == nil })
      #expect(setup.keeper.current().entries.map(\.spiffeID) == [entry.spiffeID])
      await #expect(throws: DatastoreError.self) {
        _ = try await setup.ours.updateAgent(
          AttestedNode(id: Self.parents[0], attestationType: "", serialNumber: "1", expiresAt: 9), mask: .serialNumber)
      }
      #expect(setup.keeper.agent(Self.parents[0]) == nil)
      // Nor does one that the database refuses as a whole.
      await setup.ours.close()
      await #expect(throws: DatastoreError.self) { _ = try await setup.ours.createEntry(unknown) }
      #expect(setup.keeper.current().entryCount == 1)
    }
  }

  /// The process ends between a commit and its models: the next start reads what was committed.
  @Test func aStartReadsWhatWasCommitted() async throws {
    try await with { setup in
      var random = SplitMix64(seed: 5)
      for _ in 0..<50 { await Self.write(setup.theirs, &random) }
      let next = EntryModelKeeper(datastore: setup.ours, time: setup.time, logger: LogCapture().logger)
      try await next.build()
      let restarted = Setup(
        folder: setup.folder, ours: setup.ours, theirs: setup.theirs, keeper: next, time: setup.time)
      try await expectEqual(restarted, "after the start")
    }
  }

  @Test func anUncertainCommitIsReadAnew() async throws {
    try await with { setup in
      let entry = RegistrationEntry(
        id: "one", spiffeID: TestServer.id("/w"), parentID: Self.parents[0],
        selectors: [Selector(type: "a", value: "b")])
      _ = try await setup.ours.createEntry(entry)
      // A change that nobody tells of.
      try RawSQLite.run(setup.folder + "/d.sqlite3", "UPDATE registered_entries SET hint = 'h'")
      await setup.keeper.poll()
      #expect(setup.keeper.current().entry(id: "one")?.hint == "")
      setup.ours.changes.publishUncertainty()
      await setup.keeper.poll()
      #expect(setup.keeper.current().entry(id: "one")?.hint == "h")
    }
  }
}
