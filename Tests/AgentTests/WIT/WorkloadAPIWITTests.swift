import Foundation
import SPIFFE
import SwiftProtobuf
import Synchronization
import Testing
import WorkloadProtos

@testable import Agent
@testable import Daemon

/// The WIT profile of the Workload API without its wire: messages, codes, order and streaming.
@Suite struct WorkloadAPIWITTests {
  /// Collects the messages of a stream.
  private final class Messages: Sendable {
    private let received = Mutex<[[UInt8]]>([])
    var count: Int { received.withLock { $0.count } }
    func take(_ message: [UInt8]) { received.withLock { $0.append(message) } }
    func svids(_ index: Int) throws -> [WorkloadWITSVID] {
      try WorkloadWITSVIDResponse(serializedBytes: received.withLock { $0[index] }).svids
    }
    func bundles(_ index: Int) throws -> [String: String] {
      try WorkloadWITBundlesResponse(serializedBytes: received.withLock { $0[index] }).bundles
    }
    func wait(for number: Int) async { while count < number { await Task.yield() } }
    /// The stream may begin to sleep only after the clock was moved: it is moved on until it wakes, but not while the
    /// server is asked, which has a deadline.
    func wait(for number: Int, advancing agent: TestAgent) async {
      while count < number {
        if agent.witIssuer.requestCount == 0 { agent.time.advance(by: .milliseconds(100)) }
        await Task.yield()
      }
    }
  }

  private func stream(
    _ agent: TestAgent, _ messages: Messages, id: String = ""
  ) -> Task<Void, any Error> {
    let (api, call) = (agent.workloadAPI(wit: true), agent.call(.fetchWITSVID))
    let request = WorkloadWITSVIDRequest.with { $0.spiffeID = id }
    return Task { try await api.fetchWITSVID(call, request) { messages.take($0) } }
  }

  private func withAgent(_ entries: AgentEntry..., body: (TestAgent) async throws -> Void) async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      for entry in entries { agent.server.put(entry) }
      _ = try await agent.synchronizer.synchronize()
      try await body(agent)
    }
  }

  /// An agent with one entry, `/one`, and a stream that has brought its first message.
  private func withStream(
    _ body: (TestAgent, Messages, Task<Void, any Error>) async throws -> Void
  ) async throws {
    try await withAgent(try entry("1", "/one", ["uid:0"])) { agent in
      let messages = Messages()
      let task = stream(agent, messages)
      await messages.wait(for: 1)
      try await body(agent, messages, task)
      task.cancel()
      _ = await task.result
    }
  }

  @Test func allIdentitiesComeInOrderWithUniqueHints() async throws {
    try await withAgent(
      try entry("b", "/second", ["uid:0"], hint: "h", createdAt: 2),
      try entry("a", "/first", ["uid:0"], hint: "h", createdAt: 3), try entry("c", "/third", ["uid:0"]),
      try entry("d", "/not/mine", ["uid:1"])
    ) { agent in
      let messages = Messages()
      let task = stream(agent, messages)
      await messages.wait(for: 1)
      let svids = try messages.svids(0)
      #expect(svids.map(\.spiffeID) == ["spiffe://example.org/second", "spiffe://example.org/third"])
      #expect(svids.map(\.hint) == ["h", ""])
      for svid in svids {
        let verified = try WITSVIDValidator.validate(
          token: svid.witSvid, now: agent.time.now, keys: WITKeySet([agent.ca.bundle()]))
        #expect(verified.id.description == svid.spiffeID && svid.witSvidKey.contains(#""d":""#))
      }
      // No X509-SVID was signed for it.
      #expect(agent.server.calls("newX509SVIDs") == 0)
      task.cancel()
      _ = await task.result
    }
  }

  @Test func theNamedIdentityComesAlone() async throws {
    try await withAgent(try entry("a", "/first", ["uid:0"]), try entry("b", "/second", ["uid:0"])) { agent in
      let messages = Messages()
      let task = stream(agent, messages, id: "spiffe://example.org/second")
      await messages.wait(for: 1)
      let named = try messages.svids(0).map(\.spiffeID)
      #expect(named == ["spiffe://example.org/second"])
      task.cancel()
      _ = await task.result
      let bad = await #expect(throws: AgentError.self) { try await stream(agent, messages, id: "second").value }
      #expect(bad?.code == .invalidArgument && bad?.message.hasPrefix("invalid requested SPIFFE ID: ") == true)
      agent.earlySync.syncBegins()
      agent.earlySync.syncEnded(.failed)
      let none = await #expect(throws: AgentError.self) {
        try await stream(agent, messages, id: "spiffe://example.org/third").value
      }
      #expect(none?.code == .permissionDenied && none?.message == "no identity issued")
    }
  }

  @Test func theStreamFollowsEntriesRotationAndTaint() async throws {
    try await withStream { agent, messages, task in
      agent.server.put(try entry("2", "/two", ["uid:0"]))
      _ = try await agent.synchronizer.synchronize()
      await messages.wait(for: 2)
      let (first, second) = (try messages.svids(0), try messages.svids(1))
      #expect(second.map(\.spiffeID) == ["spiffe://example.org/one", "spiffe://example.org/two"])
      #expect(second[0].witSvid == first[0].witSvid)
      // Half of the lifetime has passed.
      agent.time.advance(by: .seconds(1801))
      await messages.wait(for: 3, advancing: agent)
      let third = try messages.svids(2)
      #expect(third[0].witSvid != first[0].witSvid && third[1].witSvid != second[1].witSvid)
      agent.server.change { $0.bundle = agent.ca.bundle(tainted: true) }
      _ = try await agent.synchronizer.synchronize()
      await messages.wait(for: 4)
      #expect(try messages.svids(3)[0].witSvid != third[0].witSvid)
      agent.server.change { $0.entries = [:] }
      _ = try await agent.synchronizer.synchronize()
      let end = await #expect(throws: AgentError.self) { try await task.value }
      #expect(end?.code == .permissionDenied && messages.count == 4)
    }
  }

  @Test func whatFailsLaterTakesNothingAway() async throws {
    try await withStream { agent, messages, _ in
      agent.server.put(try entry("2", "/two", ["uid:0"]))
      agent.server.change { $0.refusedEntries = ["2"] }
      _ = try await agent.synchronizer.synchronize()
      while agent.server.calls("newWITSVID") < 2 { await Task.yield() }
      agent.server.change { $0.refusedEntries = [] }
      // The stream tries again after a second.
      await messages.wait(for: 2, advancing: agent)
      #expect(try messages.svids(1).map(\.spiffeID) == ["spiffe://example.org/one", "spiffe://example.org/two"])
      #expect(try messages.svids(1)[0].witSvid == messages.svids(0)[0].witSvid)
    }
  }

  @Test func aStreamDoesNotHammerAServerThatSignsNoMore() async throws {
    try await withStream { agent, messages, _ in
      agent.server.change { $0.witFailure = AgentError(.unknown, "out of order") }
      agent.time.advance(by: .seconds(1801))
      let begin = agent.time.now
      while agent.server.calls("newWITSVID") < 5 {
        if agent.witIssuer.requestCount == 0 { agent.time.advance(by: .milliseconds(100)) }
        await Task.yield()
      }
      // After 1, 2 and 4 seconds at the earliest.
      #expect(agent.time.now.timeIntervalSince(begin) >= 7 && messages.count == 1)
      agent.server.change { $0.witFailure = nil }
      await messages.wait(for: 2, advancing: agent)
    }
  }

  @Test func theFirstMessageIsCompleteOrAnError() async throws {
    try await withAgent(try entry("1", "/one", ["uid:0"])) { agent in
      agent.server.change { $0.witFailure = AgentError(.invalidArgument, "bad") }
      let failed = await #expect(throws: AgentError.self) { try await stream(agent, Messages()).value }
      #expect(failed?.code == .unavailable && failed?.message == "could not fetch WIT-SVID: bad")
      agent.server.change { $0.witFailure = AgentError(.unimplemented, "WIT functionality is disabled") }
      let disabled = await #expect(throws: AgentError.self) { try await stream(agent, Messages()).value }
      #expect(disabled?.code == .unimplemented)
    }
  }

  @Test func theStreamEndsWithTheCache() async throws {
    try await withStream { agent, messages, task in
      agent.cache.close()
      let end = await #expect(throws: AgentError.self) { try await task.value }
      #expect(end?.code == .unavailable && end?.message == "the agent is shutting down")
    }
  }

  @Test func bundlesAreTheWITKeysOfOwnAndFederatedTrustDomains() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let other = try TestCA("other.test", now: agent.time.now)
      agent.server.put(try entry("1", "/one", ["uid:0"], federatesWith: ["other.test"]))
      agent.server.change { $0.federated[other.trustDomain] = other.bundle() }
      try await agent.syncAndSign()
      let messages = Messages()
      let (api, call) = (agent.workloadAPI(wit: true), agent.call(.fetchWITBundles))
      let task = Task { try await api.fetchWITBundles(call) { messages.take($0) } }
      await messages.wait(for: 1)
      let bundles = try messages.bundles(0)
      #expect(bundles.keys.sorted() == ["spiffe://example.org", "spiffe://other.test"])
      for (ca, text) in [(agent.ca, bundles["spiffe://example.org"]), (other, bundles["spiffe://other.test"])] {
        let read = try BundleDocument.decode(try #require(text), trustDomain: ca.trustDomain, reading: .standard)
        #expect(read.witAuthorities.map(\.keyID) == [ca.witKeyID] && read.jwtAuthorities.isEmpty)
      }
      task.cancel()
      _ = await task.result
      // And they are not among the keys for JWT-SVIDs.
      let jwt = Messages()
      let call2 = agent.call(.fetchJWTBundles)
      let task2 = Task { try await api.fetchJWTBundles(call2) { jwt.take($0) } }
      await jwt.wait(for: 1)
      task2.cancel()
      _ = await task2.result
      let keys = try JSONValue(parsing: try agent.cache.bundles.own.jwks()).object?["keys"]?.array
      #expect(keys?.compactMap { $0.object?["kid"]?.string } == [agent.ca.jwtKeyID])
    }
  }
}
