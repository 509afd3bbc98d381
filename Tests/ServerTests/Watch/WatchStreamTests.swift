import Daemon
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Server

/// Watch streams over real connections.
@Suite(.timeLimit(.minutes(4))) struct WatchStreamTests {
  private typealias Watch = Swiftspire_Server_Watch_V1_Watch
  private typealias Request = Swiftspire_Server_Watch_V1_WatchAuthorizedEntriesRequest

  /// Runs `body` beside the stream of an agent.
  private func watching(
    _ server: TestServer, _ identity: TestIdentity, _ client: WatchingAgent = WatchingAgent(),
    _ body: @Sendable @escaping (WatchingAgent) async throws -> Void
  ) async throws {
    try await server.remote(identity) { connection in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await client.run(connection) }
        group.addTask {
          try await body(client)
          client.end()
        }
        try await group.waitForAll()
      }
    }
  }

  private func delete(_ id: String, _ server: TestServer) async throws {
    _ = try await server.local { client in
      var request = Spire_Api_Server_Entry_V1_BatchDeleteEntryRequest()
      request.ids = [id]
      return try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client).batchDeleteEntry(request)
    }
  }

  @Test func entriesComeAndGoAtOnce() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await watching(server, agent) { client in
        try await client.wait { $0.revision > 0 && $0.bundles["example.org"] != nil }
        let entry = try await server.createEntry("/web", parent: agent.id) { $0.hint = "h" }
        try await client.wait { $0.entries[entry.id] != nil }
        #expect(client.now.entries[entry.id] == entry)
        try await delete(entry.id, server)
        try await client.wait { $0.entries.isEmpty }
        #expect(client.now.listings == 0)
      }
    }
  }

  @Test func whatWasThereBeforeIsComparedAndListed() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let entry = try await server.createEntry("/web", parent: agent.id)
      var view = WatchingAgent.View()
      try await watching(server, agent) { client in
        try await client.wait { $0.revision > 0 && !$0.entries.isEmpty }
        #expect(client.now.listings == 1)
      }
      // An agent that has it all already gets nothing but a digest.
      view.entries = [entry.id: entry]
      let second = WatchingAgent(view)
      try await watching(server, agent, second) { client in
        try await client.wait { $0.revision > 0 }
        #expect(client.now.listings == 0)
      }
    }
  }

  @Test func streamsResumeByRevision() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let first = WatchingAgent()
      try await watching(server, agent, first) { client in
        try await client.wait { $0.revision > 0 }
        // The last confirmation must be with the server before the stream ends.
        client.say { $0.ping = Request.Ping() }
        try await client.wait { $0.pongs == 1 }
      }
      let entry = try await server.createEntry("/web", parent: agent.id)
      let second = WatchingAgent(first.now)
      try await watching(server, agent, second) { client in
        try await client.wait { $0.entries[entry.id] != nil }
        #expect(client.now.resumed && client.now.listings == 0)
      }
    }
  }

  @Test func manyEntriesComeInMessagesOfBoundedSize() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      // With long selectors, five hundred would be more than a message may have.
      let long = String(repeating: "x", count: 9000)
      try await server.local { client in
        for batch in 0..<6 {
          var request = Spire_Api_Server_Entry_V1_BatchCreateEntryRequest()
          request.entries = (0..<100).map {
            TestServer.entry("/w\(batch)-\($0)", parent: agent.id, selectors: [("unix", "path:\(long)")])
          }
          _ = try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: client).batchCreateEntry(request)
        }
      }
      try await watching(server, agent) { client in
        // 600 entries: revisions first, then what the agent fetches.
        try await client.wait { $0.entries.count == 600 }
        #expect(client.now.largest < 4 * 1024 * 1024)
        #expect(client.now.largest > 100_000)
      }
    }
  }

  @Test func agentsThatLoseTheirStandingAreTurnedAwayAtOnce() async throws {
    try await TestServer.with { server in
      for isBanned in [true, false] {
        let agent = try await server.attest()
        let refusal = try await failure {
          try await watching(server, agent) { client in
            try await client.wait { $0.revision > 0 }
            if isBanned { try await server.ban(agent.id) } else { try await server.evict(agent.id) }
            // Until the server ends the stream.
            _ = try? await client.wait { _ in false }
          }
        }
        #expect(refusal.code == .permissionDenied)
        #expect(
          refusal.message
            == "authorization denied for method /swiftspire.server.watch.v1.Watch/WatchAuthorizedEntries")
        let next = try await failure {
          try await watching(server, agent) { _ = try? await $0.wait { $0.revision > 0 } }
        }
        #expect(next.code == .permissionDenied)
      }
    }
  }

  /// What happens to an agent between the beginning of its call and of its stream is not told to the stream: it asks.
  @Test func aStreamAsksOnceMoreWhetherItsAgentIsWelcome() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let watcher = AgentWatcher(agent: agent.id, expiresAt: .distantFuture, now: server.time.now)
      #expect(!watcher.takeAuthorization())
      _ = server.parts.entries.beginWatch(watcher, instance: "", revision: 0)
      #expect(watcher.takeAuthorization())
      #expect(!watcher.takeAuthorization())
    }
  }

  @Test func expiredAgentsAreTurnedAway() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let refusal = try await failure {
        try await watching(server, agent) { client in
          try await client.wait { $0.revision > 0 }
          server.time.advance(by: .seconds(2 * 3600))
          server.parts.entries.watchOver()
          _ = try? await client.wait { _ in false }
        }
      }
      #expect(refusal.code == .permissionDenied)
    }
  }

  @Test func bundlesComeAtOnce() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let partner = try TrustDomain("partner.test")
      _ = try await server.datastore.setBundle(SPIFFE.Bundle(trustDomain: partner, refreshHint: 1))
      try await server.createEntry("/web", parent: agent.id) { $0.federatesWith = ["partner.test"] }
      try await watching(server, agent) { client in
        try await client.wait { $0.revision > 0 && $0.bundles["partner.test"] != nil }
        _ = try await server.datastore.setBundle(SPIFFE.Bundle(trustDomain: partner, refreshHint: 77))
        try await client.wait { $0.bundles["partner.test"]?.refreshHint == 77 }
        let stored = try await server.datastore.fetchBundle(of: TestServer.domain)
        var own = try #require(stored)
        own.refreshHint = 4242
        _ = try await server.datastore.setBundle(own)
        try await client.wait { $0.bundles["example.org"]?.refreshHint == 4242 }
        try await server.datastore.deleteBundle(of: partner, mode: .dissociate)
        try await client.wait { $0.entries.values.allSatisfy { $0.federatesWith.isEmpty } }
      }
    }
  }

  @Test func anAgentThatConfirmsNothingHoldsNobodyUp() async throws {
    try await TestServer.with { server in
      let (slow, other) = (try await server.attest(), try await server.attest())
      let stuck = WatchingAgent(confirms: false)
      try await watching(server, slow, stuck) { _ in
        try await watching(server, other) { client in
          try await client.wait { $0.revision > 0 }
          for number in 0..<10 {
            try await server.createEntry("/s\(number)", parent: slow.id)
            let entry = try await server.createEntry("/o\(number)", parent: other.id)
            try await client.wait { $0.entries[entry.id] != nil }
          }
          let watcher = try #require(server.parts.entries.openWatches(of: slow.id).first)
          // It was told as much as it may leave unconfirmed; the rest waits as a set of IDs.
          #expect(watcher.watch.pendingCount > 0)
          #expect(watcher.watch.behindSince != nil)
        }
      }
    }
  }

  @Test func anAgentThatDoesNotReadHoldsNobodyUp() async throws {
    try await TestServer.with { server in
      let (slow, other) = (try await server.attest(), try await server.attest())
      let (asking, reading) = (AsyncStream.makeStream(of: Void.self), AsyncStream.makeStream(of: Void.self))
      let long = String(repeating: "x", count: 9000)
      try await server.remote(slow) { connection in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            try await Watch.Client(wrapping: connection).watchAuthorizedEntries { writer in
              try await writer.write(.with { $0.begin = Request.Begin() })
              for await _ in asking.stream {}
            } onResponse: { _ in
              for await _ in reading.stream {}
            }
          }
          group.addTask {
            try await watching(server, other) { client in
              try await client.wait { $0.revision > 0 }
              // More than the connection takes without a reader.
              for number in 0..<30 {
                for agent in [slow, other] {
                  try await server.createEntry("/w\(number)", parent: agent.id, selectors: [("unix", "path:\(long)")])
                }
                try await client.wait { $0.entries.count == number + 1 }
              }
            }
          }
          try await group.next()
          group.cancelAll()
          asking.continuation.finish()
          reading.continuation.finish()
        }
      }
    }
  }

  /// The connection is let go when it is old: the stream ends well, and the next one goes on.
  @Test func streamsEndWithTheirConnection() async throws {
    var options = TestServer.Options()
    options.connectionAge = .milliseconds(300)
    try await TestServer.with(options) { server in
      let agent = try await server.attest()
      var view = WatchingAgent.View()
      for _ in 0..<3 {
        let client = WatchingAgent(view)
        try await server.remote(agent) { try await client.run($0) }
        view = client.now
      }
      #expect(!view.instance.isEmpty)
    }
  }

  @Test func operatorsSeeHowFarAgentsAre() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      try await watching(server, agent) { client in
        try await client.wait { $0.revision > 0 }
        client.say { $0.ping = Request.Ping() }
        try await client.wait { $0.pongs > 0 }
        let list = try await server.local { try await Watch.Client(wrapping: $0).listWatches(.init()) }
        #expect(list.watches.map(\.agent.path) == [agent.id.path])
        #expect(list.watches.first?.appliedRevision == list.revision)
        #expect(list.watches.first?.lagMs == 0)
        let none = try await server.local { client in
          try await Watch.Client(wrapping: client).listWatches(.with { $0.agents = [TestServer.id("/nobody").api] })
        }
        #expect(none.watches.isEmpty)
      }
      // The server notices the end of the stream in a moment.
      try await server.local { client in
        while try await !Watch.Client(wrapping: client).listWatches(.init()).watches.isEmpty { await Task.yield() }
      }
    }
  }

  @Test func nonsenseIsRefused() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let bad: [@Sendable (WatchingAgent) -> Void] = [
        { $0.say { $0.applied.revision = 999 } }, { $0.say { $0.begin = Request.Begin() } },
        { $0.say { $0.fetch.ids = (0..<501).map { "\($0)" } } }, { $0.say { _ in } },
      ]
      for say in bad {
        let refusal = try await failure {
          try await watching(server, agent) { client in
            try await client.wait { $0.revision > 0 }
            say(client)
            _ = try? await client.wait { _ in false }
          }
        }
        #expect(refusal.code == .invalidArgument)
      }
    }
  }

  @Test func streamsOfOneAgentAreBounded() async throws {
    try await TestServer.with { server in
      let agent = try await server.attest()
      let refusal = try await failure {
        try await watching(server, agent) { client in
          try await client.wait { $0.revision > 0 }
          for _ in 0..<WatchIndex.streamsPerAgent {
            let watcher = AgentWatcher(agent: agent.id, expiresAt: .distantFuture, now: server.time.now)
            _ = server.parts.entries.beginWatch(watcher, instance: "", revision: 0)
          }
          _ = try? await client.wait { _ in false }
        }
      }
      #expect(refusal.code == .aborted)
    }
  }
}
