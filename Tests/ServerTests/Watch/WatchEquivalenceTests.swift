import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Mutations
import SPIFFE
import SQLDatastore
import Testing

@testable import Server

/// Whatever is written, by whomever: agents that are told changes have what they would have if they asked for everything.
@Suite struct WatchEquivalenceTests {
  private static let agents = (0..<4).map { TestServer.id("/spire/agent/a\($0)") }
  private static let partners = ["one.test", "two.test"].map { try! TrustDomain($0) }

  /// An agent that keeps what it is told.
  private final class Agent {
    let id: SPIFFEID
    var watcher: AgentWatcher
    var number: UInt64 = 0
    var entries: [String: RegistrationEntry] = [:]
    var comparisons = 0
    var revision: UInt64 = 0

    init(_ id: SPIFFEID, _ time: TestTime) {
      self.id = id
      watcher = AgentWatcher(agent: id, expiresAt: .distantFuture, now: time.now)
    }

    /// Opens a stream, or another one after the end of the one before.
    func connect(_ keeper: EntryModelKeeper, _ time: TestTime, instance: String? = nil) -> Bool {
      watcher = AgentWatcher(agent: id, expiresAt: .distantFuture, now: time.now)
      let begun = keeper.beginWatch(watcher, instance: instance ?? keeper.watchInstance, revision: revision)
      number = begun.number
      return begun.resumed
    }

    /// Takes in everything that there is for it; confirms it if `confirms`.
    func drain(_ keeper: EntryModelKeeper, confirms: Bool = true) {
      if confirms { _ = watcher.change { $0.confirm(revision) } }
      while let batch = keeper.nextBatch(for: watcher) {
        if batch.work.content?.comparison == true {
          comparisons += 1
          entries = Dictionary(uniqueKeysWithValues: batch.all.map { ($0.id, $0) })
        }
        for entry in batch.entries { entries[entry.id] = entry }
        for id in batch.removed { entries[id] = nil }
        revision = batch.revision
        if confirms { _ = watcher.change { $0.confirm(batch.revision) } }
      }
    }
  }

  private struct Setup {
    let ours: SQLDatastore
    let theirs: SQLDatastore
    let keeper: EntryModelKeeper
    let time: TestTime
  }

  private func with(_ body: (Setup) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "watch-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (time, logger) = (TestTime(), LogCapture().logger)
    let configuration = SQLDatastoreConfiguration(connectionString: folder + "/d.sqlite3")
    let ours = try await SQLDatastore.open(configuration, logger: logger, metrics: .none, time: time)
    let theirs = try await SQLDatastore.open(configuration, logger: logger, metrics: .none, time: time)
    for partner in Self.partners { _ = try await ours.setBundle(SPIFFE.Bundle(trustDomain: partner)) }
    let keeper = EntryModelKeeper(datastore: ours, time: time, logger: logger)
    try await keeper.build()
    try await body(Setup(ours: ours, theirs: theirs, keeper: keeper, time: time))
    await ours.close()
    await theirs.close()
  }

  /// One random write to a deep and tangled registration: workloads below workloads, aliases that come and go, circles.
  private static func write(_ store: SQLDatastore, _ random: inout SplitMix64) async {
    func selector() -> SPIFFE.Selector {
      SPIFFE.Selector(type: "t", value: "\(Int.random(in: 0..<4, using: &random))")
    }
    let paths = (0..<6).map { TestServer.id("/w\($0)") }
    let parents = agents + paths + [TestServer.id("/spire/server"), TestServer.id("/spire/server")]
    var entry = RegistrationEntry(
      id: "e\(Int.random(in: 0..<16, using: &random))", spiffeID: paths.randomElement(using: &random)!,
      parentID: parents.randomElement(using: &random)!, selectors: Array(Set([selector(), selector()])))
    entry.hint = "\(Int.random(in: 0..<100, using: &random))"
    if Bool.random(using: &random) { entry.federatesWith = [partners.randomElement(using: &random)!] }
    let agent = agents.randomElement(using: &random)!
    let node = AttestedNode(
      id: agent, attestationType: "join_token", serialNumber: "\(Int.random(in: 1..<9, using: &random))",
      expiresAt: 1_900_000_000, selectors: Array(Set([selector(), selector()])))
    switch Int.random(in: 0..<12, using: &random) {
    case 0...4: _ = try? await store.createEntries([entry])
    case 5, 6: _ = try? await store.updateEntry(entry)
    case 7, 8: _ = try? await store.deleteEntry(id: entry.id)
    case 9: _ = try? await store.recordAttestation(of: node)
    case 10: _ = try? await store.setNodeSelectors(node.selectors, of: agent)
    default: _ = try? await store.deleteAgent(id: agent)
    }
  }

  private func expectEqual(_ agent: Agent, _ keeper: EntryModelKeeper, _ comment: Comment) {
    let wanted = keeper.read { $0.authorizedEntries(for: agent.id) }.sorted { $0.id < $1.id }
    #expect(agent.entries.values.sorted { $0.id < $1.id } == wanted, comment)
  }

  @Test(arguments: 0..<8) func changesAloneKeepAgentsEqual(seed: UInt64) async throws {
    try await with { setup in
      let agents = Self.agents.map { Agent($0, setup.time) }
      for agent in agents {
        #expect(!agent.connect(setup.keeper, setup.time))
        agent.drain(setup.keeper)
      }
      var random = SplitMix64(seed: seed)
      for step in 0..<120 {
        // Some writes are those of another server, and come with a poll.
        let isOther = Int.random(in: 0..<4, using: &random) == 0
        await Self.write(isOther ? setup.theirs : setup.ours, &random)
        if isOther || step % 7 == 0 { await setup.keeper.poll() }
        // Not everybody looks after each change.
        for agent in agents where step == 119 || Bool.random(using: &random) {
          agent.drain(setup.keeper)
          expectEqual(agent, setup.keeper, "seed \(seed) step \(step) \(agent.id)")
        }
      }
      for agent in agents { #expect(agent.comparisons == 1) }
    }
  }

  /// Streams end in the middle, before or after what was told was confirmed, and begin again.
  @Test(arguments: 0..<6) func agentsThatComeBackGoOn(seed: UInt64) async throws {
    try await with { setup in
      let agents = Self.agents.map { Agent($0, setup.time) }
      for agent in agents {
        _ = agent.connect(setup.keeper, setup.time)
        agent.drain(setup.keeper)
      }
      var random = SplitMix64(seed: seed)
      var resumed = 0
      for step in 0..<80 {
        await Self.write(setup.ours, &random)
        for agent in agents where Int.random(in: 0..<3, using: &random) == 0 {
          agent.drain(setup.keeper, confirms: Bool.random(using: &random))
          if Bool.random(using: &random) {
            setup.keeper.endWatch(agent.number)
            await Self.write(setup.ours, &random)
            // Evicted agents are forgotten; all others go on.
            if agent.connect(setup.keeper, setup.time) { resumed += 1 }
          }
          agent.drain(setup.keeper)
          expectEqual(agent, setup.keeper, "seed \(seed) step \(step) \(agent.id)")
        }
      }
      #expect(resumed > 10)
    }
  }

  @Test func anotherInstanceOrAnOldRevisionBeginsAnew() async throws {
    try await with { setup in
      let agent = Agent(Self.agents[0], setup.time)
      _ = agent.connect(setup.keeper, setup.time)
      agent.drain(setup.keeper)
      setup.keeper.endWatch(agent.number)
      #expect(!agent.connect(setup.keeper, setup.time, instance: "another"))
      agent.drain(setup.keeper)
      setup.keeper.endWatch(agent.number)
      agent.revision += 1
      #expect(!agent.connect(setup.keeper, setup.time))
      agent.drain(setup.keeper)
      setup.keeper.endWatch(agent.number)
      #expect(agent.connect(setup.keeper, setup.time))
      setup.keeper.endWatch(agent.number)
      // What is left of a stream is not kept for ever.
      setup.time.advance(by: .seconds(301))
      setup.keeper.watchOver()
      #expect(!agent.connect(setup.keeper, setup.time))
    }
  }

  @Test func everythingReadAnewComparesEverybody() async throws {
    try await with { setup in
      let agent = Agent(Self.agents[0], setup.time)
      _ = agent.connect(setup.keeper, setup.time)
      agent.drain(setup.keeper)
      setup.keeper.commitIsUncertain()
      await setup.keeper.poll()
      agent.drain(setup.keeper)
      #expect(agent.comparisons > 1)
      // And what comes then is told one by one again.
      let before = agent.comparisons
      _ = try await setup.ours.createEntry(
        RegistrationEntry(
          id: "new", spiffeID: TestServer.id("/w"), parentID: agent.id,
          selectors: [SPIFFE.Selector(type: "a", value: "b")]))
      agent.drain(setup.keeper)
      #expect(agent.comparisons == before && agent.entries["new"] != nil)
    }
  }

  /// A change costs those whom it concerns.
  @Test func othersAreNotTold() async throws {
    try await with { setup in
      let agents = Self.agents.map { Agent($0, setup.time) }
      for agent in agents {
        _ = agent.connect(setup.keeper, setup.time)
        agent.drain(setup.keeper)
      }
      func create(_ id: String, _ path: String, parent: SPIFFEID, _ value: String = "b") async throws {
        _ = try await setup.ours.createEntry(
          RegistrationEntry(
            id: id, spiffeID: TestServer.id(path), parentID: parent,
            selectors: [SPIFFE.Selector(type: "a", value: value)]))
      }
      func concerned() -> [Int] {
        agents.indices.filter { index in
          defer { agents[index].drain(setup.keeper) }
          return agents[index].watcher.watch.pendingCount > 0
        }
      }
      try await create("1", "/x", parent: Self.agents[1])
      #expect(concerned() == [1])
      try await create("2", "/y", parent: TestServer.id("/x"))
      #expect(concerned() == [1])
      try await create("3", "/nobody", parent: TestServer.id("/elsewhere"))
      #expect(concerned() == [])
      for index in [0, 2] {
        _ = try await setup.ours.recordAttestation(
          of: AttestedNode(
            id: Self.agents[index], attestationType: "x", serialNumber: "1", expiresAt: 1_900_000_000,
            selectors: [SPIFFE.Selector(type: "a", value: "node")]))
      }
      try await create("4", "/group", parent: TestServer.id("/spire/server"), "node")
      #expect(concerned() == [])
      try await create("5", "/z", parent: TestServer.id("/group"))
      #expect(concerned() == [0, 2])
      _ = try await setup.ours.setBundle(SPIFFE.Bundle(trustDomain: TestServer.domain))
      #expect(concerned() == [0, 1, 2, 3])
      _ = try await setup.ours.setBundle(SPIFFE.Bundle(trustDomain: Self.partners[0], refreshHint: 9))
      #expect(concerned() == [])
    }
  }
}
