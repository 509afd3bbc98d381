import Foundation
import RPC
import SPIFFE
import Testing

@testable import Agent
@testable import Daemon

/// The agent on a watch stream: what it is told reaches workloads, and every fault of the stream is survived.
@Suite(.timeLimit(.minutes(4))) struct WatchLoopTests {
  private func digest(_ entries: [AgentEntry]) -> [UInt8] {
    var digest = StateDigest()
    for entry in entries { digest.add(id: entry.id, revision: entry.revisionNumber, createdAt: entry.createdAt) }
    return digest.bytes
  }

  private func changed(
    _ revision: UInt64, _ entries: [AgentEntry] = [], removed: [String] = [], bundles: [Bundle] = []
  ) -> WatchMessage {
    var changes = WatchChanges(revision: revision)
    changes.entries = EntryPage(entries)
    changes.removed = removed
    changes.bundles = bundles
    return .changes(changes)
  }

  /// An agent that has synchronised and runs, with a server that offers a watch stream.
  private func with(
    entries: [AgentEntry] = [], _ body: @Sendable @escaping (TestAgent, FakeWatch) async throws -> Void
  ) async throws {
    try await withFolder { folder in
      let watch = FakeWatch()
      let agent = try await TestAgent(directory: folder) { server in
        server.change { state in
          state.watch = watch
          for entry in entries { state.entries[entry.id] = entry }
        }
      }
      try await agent.manager.initialize()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await agent.manager.run() }
        group.addTask { try await body(agent, watch) }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  /// The opening of a stream that finds nothing to do.
  private func open(_ watch: FakeWatch, revision: UInt64 = 1, having entries: [AgentEntry] = []) async {
    #expect(await watch.requests.next() == .begin(nil))
    watch.say(.welcome(instance: "s", resumed: false))
    watch.say(.state(revision: revision, digest: digest(entries)))
    #expect(await watch.requests.next() == .applied(revision))
  }

  @Test func aNewEntryReachesAnOpenStreamOfAWorkload() async throws {
    let web = try entry("1", "/web", ["uid:0"])
    let more = try entry("2", "/more", ["uid:0"])
    try await with(entries: [web]) { agent, watch in
      await open(watch, having: [web])
      #expect(await agent.synchronizer.isWatching)
      let seen = await agent.cache.withSubscription(selectors("uid:0")) { updates in
        var seen: [[String]] = []
        for await update in updates {
          let ids = update.identities.map(\.entry.id)
          if seen.last != ids { seen.append(ids) }
          if ids == ["1"], seen.count == 1 {
            agent.server.put(more)
            watch.say(changed(2, [more]))
          }
          if ids == ["1", "2"] {
            agent.server.change { $0.entries["1"] = nil }
            watch.say(changed(3, removed: ["1"]))
          }
          if ids == ["2"] { break }
        }
        return seen
      }
      // The clock never moved: nothing of this was polled for.
      #expect(seen == [["1"], ["1", "2"], ["2"]])
      #expect(agent.server.calls("syncEntries") == 1)
      #expect(await watch.requests.next() == .applied(2))
      #expect(await watch.requests.next() == .applied(3))
    }
  }

  @Test func bundlesAndTaintedAuthoritiesArriveAtOnce() async throws {
    let web = try entry("1", "/web", ["uid:0"])
    try await with(entries: [web]) { agent, watch in
      await open(watch, having: [web])
      let other = try TestCA("other.test", now: agent.time.now)
      let federated = try entry("2", "/fed", ["uid:5"], federatesWith: ["other.test"])
      watch.say(changed(2, [], bundles: [other.bundle()]))
      watch.say(changed(2, [federated]))
      #expect(await watch.requests.next() == .applied(2))
      #expect(await watch.requests.next() == .applied(2))
      #expect(agent.cache.bundles.federated[other.trustDomain]?.bundle == other.bundle())
      let next = try TestCA(now: agent.time.now)
      var bundle = agent.ca.bundle(tainted: true)
      bundle.x509Authorities += next.bundle().x509Authorities
      watch.say(changed(3, bundles: [bundle]))
      // What a tainted authority signed is counted before the bundle is confirmed: the agent's own SVID at least.
      guard case .report(let count)? = await watch.requests.next() else { throw CancellationError() }
      #expect(count >= 1)
      #expect(await watch.requests.next() == .applied(3))
      #expect(agent.identity.bundle.x509Authorities.count == 2)
      #expect(agent.identity.isDue(at: agent.time.now))
      #expect(agent.cache.bundles.own.bundle.x509Authorities.count == 2)
      // What nobody federates with any more is let go.
      watch.say(changed(4, removed: ["2"]))
      #expect(await watch.requests.next() == .applied(4))
      #expect(agent.cache.bundles.federated.isEmpty)
    }
  }

  @Test func theNextStreamGoesOnWhereTheLastOneEnded() async throws {
    let web = try entry("1", "/web", ["uid:0"])
    try await with(entries: [web]) { agent, watch in
      await open(watch, revision: 8, having: [web])
      // The server lets the connection go.
      watch.end()
      await advance(agent) { agent.server.calls("watch") > 1 }
      #expect(await watch.requests.next() == .begin(WatchPosition(instance: "s", revision: 8)))
      watch.say(.welcome(instance: "s", resumed: true))
      agent.server.change { $0.entries["1"] = nil }
      watch.say(changed(9, removed: ["1"]))
      #expect(await watch.requests.next() == .applied(9))
      #expect(agent.cache.entryCount == 0)
      // Another server knows nothing of this one's revisions: everything is compared, and listed where it differs.
      watch.end(AgentError(.unavailable, "connection reset"))
      await advance(agent) { agent.server.calls("watch") > 2 }
      #expect(await watch.requests.next() == .begin(WatchPosition(instance: "s", revision: 9)))
      watch.say(.welcome(instance: "other", resumed: false))
      watch.say(.state(revision: 3, digest: digest([web])))
      #expect(await watch.requests.next() == .list)
      watch.say(.listing(revision: 3, answer: EntrySyncAnswer(entries: EntryPage([web]))))
      #expect(await watch.requests.next() == .applied(3))
      #expect(agent.cache.entryCount == 1)
    }
  }

  /// Moves the clock, a second at a time, until something is the case.
  private func advance(_ agent: TestAgent, _ condition: @Sendable () async -> Bool) async {
    while await !condition() {
      agent.time.advance(by: .seconds(1))
      await Task.yield()
    }
  }

  @Test func aSilentStreamIsGivenUp() async throws {
    try await with { agent, watch in
      await open(watch)
      let calls = agent.server.calls("releaseConnection")
      await advance(agent) { agent.server.calls("releaseConnection") > calls }
      // It asked before, and it comes back.
      #expect(await watch.requests.next() == .ping)
      await advance(agent) { agent.server.calls("watch") > 1 }
    }
  }

  /// However many streams were short before: the one behind a renewal of the agent's SVID is not put off.
  @Test func aRenewalOfTheAgentsSVIDPutsNothingOff() async throws {
    try await with { agent, watch in
      await open(watch)
      for count in 2...7 {
        watch.end(AgentError(.unavailable, "connection reset"))
        await advance(agent) { agent.server.calls("watch") == count }
      }
      let start = agent.time.steady
      watch.end(AgentError(.unavailable, "the agent's SVID was renewed during the call", isOwnRenewal: true))
      while agent.server.calls("watch") < 8 {
        agent.time.advance(by: .milliseconds(20))
        await Task.yield()
        #expect(agent.time.steady - start < .seconds(5))
        guard agent.time.steady - start < .seconds(5) else { return }
      }
    }
  }

  @Test func aServerWithoutStreamsIsAskedOncePerConnection() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      try await agent.manager.initialize()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await agent.manager.run() }
        group.addTask {
          await advance(agent) { agent.server.calls("syncEntries") > 10 }
          #expect(agent.server.calls("watch") == 1)
          // Polled as ever, about each five seconds, and no longer by one fault.
          agent.server.change { $0.connectionNumber += 1 }
          await advance(agent) { agent.server.calls("watch") > 1 }
          #expect(agent.server.calls("watch") == 2)
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  @Test func pollsAreRareWhileTheStreamIsOpenAndOftenAfterwards() async throws {
    try await with { agent, watch in
      await open(watch)
      // The pause that began before the stream was open.
      await advance(agent) { agent.server.calls("syncEntries") > 1 }
      let start = agent.time.steady
      // The stream is heard all the time.
      while agent.server.calls("syncEntries") == 2 {
        agent.time.advance(by: .seconds(1))
        watch.say(.pong)
        while await agent.synchronizer.lastSync != agent.time.now { await Task.yield() }
      }
      #expect(agent.time.steady - start >= .seconds(30))
    }
  }

  @Test func aPollThatChangesSomethingIsCheckedOnTheStream() async throws {
    try await with { agent, watch in
      await open(watch)
      // The stream's server forgot to tell, or the poll was answered by another one that is behind.
      let web = try entry("1", "/web", ["uid:0"])
      agent.server.put(web)
      agent.earlySync.syncNeeded.ring()
      #expect(await watch.requests.next() == .check)
      #expect(await !agent.synchronizer.isWatching)
      watch.say(.state(revision: 4, digest: digest([web])))
      #expect(await watch.requests.next() == .applied(4))
      #expect(await agent.synchronizer.isWatching)
      // If it says otherwise, it is believed.
      watch.say(.state(revision: 5, digest: digest([])))
      #expect(await watch.requests.next() == .list)
      watch.say(.listing(revision: 6, answer: EntrySyncAnswer()))
      #expect(await watch.requests.next() == .applied(6))
      #expect(agent.cache.entryCount == 0)
    }
  }

  @Test func manyAgentsDoNotAskForSVIDsAtTheSameTime() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      await agent.signer.hold(for: .seconds(10))
      _ = try await agent.synchronizer.synchronize()
      #expect(try await !agent.signer.pass())
      #expect(agent.server.calls("newX509SVIDs") == 0)
      // A workload that waits does not wait for that.
      _ = await agent.cache.withSubscription(selectors("uid:0")) { _ in try? await agent.signer.pass() }
      #expect(agent.server.calls("newX509SVIDs") == 1)
      agent.server.put(try entry("2", "/two", ["uid:1"]))
      _ = try await agent.synchronizer.synchronize()
      agent.time.advance(by: .seconds(11))
      _ = try await agent.signer.pass()
      #expect(agent.server.calls("newX509SVIDs") == 2)
    }
  }
}
