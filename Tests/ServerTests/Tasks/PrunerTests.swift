import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import Logging
import SPIFFE
import SPIREProtos
import Testing

@testable import Server

/// The tasks that clean up.
@Suite struct PrunerTests {
  @Test func expiredEntriesGo() async throws {
    try await TestServer.with { server in
      let now = Int64(server.time.now.timeIntervalSince1970)
      for (path, end) in [("/old", now - 1), ("/new", now + 60), ("/ever", 0)] {
        try await server.createEntry(path, parent: TestServer.id("/host")) { $0.expiresAt = end }
      }
      let log = LogCapture()
      await EntryPruner(datastore: server.datastore, time: server.time, metrics: .none, logger: log.logger).prune()
      #expect(try await server.datastore.listEntries().map(\.spiffeID.path) == ["/new", "/ever"])
      #expect(log.first("Pruned an expired registration")?.fields["spiffe_id"] == "spiffe://example.org/old")
    }
  }

  @Test func expiredAgentsGoButNotBannedOrTOFUOnes() async throws {
    try await TestServer.with { server in
      let now = Int64(server.time.now.timeIntervalSince1970)
      for (name, serial, end, again) in [
        ("gone", "1", now - 7200, true), ("tofu", "2", now - 7200, false), ("banned", "", now - 7200, true),
        ("fresh", "4", now - 60, true),
      ] {
        var node = AttestedNode(
          id: TestServer.id("/spire/agent/x/" + name), attestationType: "x", serialNumber: serial, expiresAt: end)
        node.canReattest = again
        _ = try await server.datastore.createAgent(node)
      }
      func prune(_ includesTOFU: Bool) async throws -> [String] {
        let rules = NodePruner.Rules(expiredFor: .seconds(3600), batchSize: 1, includesNonReattestable: includesTOFU)
        await NodePruner(
          rules: rules, datastore: server.datastore, time: server.time, metrics: .none, logger: LogCapture().logger
        ).prune()
        return try await server.datastore.listAgents().map { String($0.id.path.dropFirst("/spire/agent/x/".count)) }
      }
      #expect(try await prune(false) == ["tofu", "banned", "fresh"])
      #expect(try await prune(true) == ["banned", "fresh"])
    }
  }

  @Test func tasksRepeatUntilTheyAreCancelled() async throws {
    let time = TestTime()
    let pruned = LogCapture()
    let logger = pruned.logger
    let task = Task {
      try await repeating(every: { .seconds(300) }, time: time) { logger.info("work") }
    }
    await time.waitForSleepers()
    #expect(pruned.all("work").isEmpty)
    time.advance(by: .seconds(300))
    await time.waitForSleepers()
    #expect(pruned.all("work").count == 1)
    task.cancel()
    try await task.value
  }
}
