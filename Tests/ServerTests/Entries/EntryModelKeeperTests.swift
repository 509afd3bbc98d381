import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import SPIFFE
import SQLDatastore
import Testing

@testable import Server

/// The entry model follows the datastore: this process's commits at once, other servers' at the next poll.
@Suite struct EntryModelKeeperTests {
  private static let agent = TestServer.id("/spire/agent/x")

  private static func entry(_ path: String, parent: SPIFFEID = agent) -> RegistrationEntry {
    RegistrationEntry(
      spiffeID: TestServer.id(path), parentID: parent, selectors: [Selector(type: "a", value: path)])
  }

  /// Two datastores on one file, as two servers have them.
  private func withTwo(
    _ body: (_ ours: SQLDatastore, _ theirs: SQLDatastore, _ keeper: EntryModelKeeper) async throws -> Void
  ) async throws {
    let folder = NSTemporaryDirectory() + "keeper-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let configuration = SQLDatastoreConfiguration(connectionString: folder + "/d.sqlite3")
    let (time, logger) = (TestTime(), LogCapture().logger)
    let ours = try await SQLDatastore.open(configuration, logger: logger, metrics: .none, time: time)
    let theirs = try await SQLDatastore.open(configuration, logger: logger, metrics: .none, time: time)
    _ = try await ours.createEntry(Self.entry("/first"))
    let keeper = EntryModelKeeper(datastore: ours, time: time, logger: logger)
    try await keeper.build()
    try await body(ours, theirs, keeper)
    await ours.close()
    await theirs.close()
  }

  private func paths(_ keeper: EntryModelKeeper) async -> [String] {
    keeper.current().authorizedEntries(for: Self.agent).map(\.spiffeID.path).sorted()
  }

  @Test func ownCommitsAreSeenAtOnce() async throws {
    try await withTwo { ours, _, keeper in
      #expect(await paths(keeper) == ["/first"])
      let created = try await ours.createEntry(Self.entry("/second")).entry
      #expect(await paths(keeper) == ["/first", "/second"])
      var moved = created
      moved.parentID = TestServer.id("/elsewhere")
      _ = try await ours.updateEntry(moved, mask: .parentID)
      #expect(await paths(keeper) == ["/first"])
      try await ours.deleteEntry(id: created.id)
      #expect(keeper.current().entryCount == 1)
    }
  }

  @Test func concurrentReadersSeeACommitToo() async throws {
    try await withTwo { ours, _, keeper in
      for n in 0..<20 {
        _ = try await ours.createEntry(Self.entry("/n\(n)"))
        let counts = await withTaskGroup(of: Int.self) { group in
          for _ in 0..<8 { group.addTask { keeper.current().entryCount } }
          return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(counts.allSatisfy { $0 == n + 2 }, "\(counts)")
      }
    }
  }

  @Test func otherServersCommitsAreSeenAtTheNextPoll() async throws {
    try await withTwo { _, theirs, keeper in
      let created = try await theirs.createEntry(Self.entry("/theirs")).entry
      #expect(await paths(keeper) == ["/first"])
      await keeper.poll()
      #expect(await paths(keeper) == ["/first", "/theirs"])
      try await theirs.deleteEntry(id: created.id)
      await keeper.poll()
      #expect(await paths(keeper) == ["/first"])
    }
  }

  @Test func selectorsOfNodesArriveToo() async throws {
    try await withTwo { ours, theirs, keeper in
      var alias = Self.entry("/cluster", parent: TestServer.id("/spire/server"))
      alias.selectors = [Selector(type: "t", value: "v")]
      _ = try await ours.createEntry(alias)
      _ = try await ours.createEntry(Self.entry("/web", parent: TestServer.id("/cluster")))
      #expect(await paths(keeper) == ["/first"])
      let node = AttestedNode(
        id: Self.agent, attestationType: "x", serialNumber: "1", expiresAt: 1_900_000_000,
        selectors: [Selector(type: "t", value: "v"), Selector(type: "t", value: "w")])
      _ = try await ours.recordAttestation(of: node)
      #expect(await paths(keeper) == ["/first", "/web"])
      try await theirs.setNodeSelectors([], of: Self.agent)
      await keeper.poll()
      #expect(await paths(keeper) == ["/first"])
    }
  }

  @Test func anOutageLeavesTheLastKnownModel() async throws {
    try await withTwo { ours, _, keeper in
      _ = try await ours.createEntry(Self.entry("/second"))
      await ours.close()
      #expect(await paths(keeper) == ["/first", "/second"])
      await keeper.poll()
      #expect(await paths(keeper) == ["/first", "/second"])
      // Not even when everything should be read anew.
      keeper.commitIsUncertain()
      await keeper.poll()
      #expect(await paths(keeper) == ["/first", "/second"])
    }
  }
}
