import Foundation
import SPIFFE
import SwiftProtobuf
import Synchronization
import Testing
import WorkloadProtos

@testable import Agent
@testable import Daemon

/// The Workload API without its wire: messages, codes, order and streaming.
@Suite struct WorkloadAPITests {
  /// Collects the messages of a stream and ends it after the wanted number.
  private final class Messages: Sendable {
    struct Enough: Error {}
    private let received = Mutex<[[UInt8]]>([])
    let wanted: Int
    init(_ wanted: Int) { self.wanted = wanted }
    var all: [[UInt8]] { received.withLock { $0 } }

    func take(_ message: [UInt8]) throws {
      let count = received.withLock { received in
        received.append(message)
        return received.count
      }
      if count >= wanted { throw Enough() }
    }
  }

  private func first(_ agent: TestAgent, _ api: WorkloadAPI) async throws -> WorkloadX509SVIDResponse {
    let messages = Messages(1)
    await #expect(throws: Messages.Enough.self) {
      try await api.fetchX509SVID(agent.call(.fetchX509SVID)) { try messages.take($0) }
    }
    return try WorkloadX509SVIDResponse(serializedBytes: try #require(messages.all.first))
  }

  @Test func x509ResponseHasEverythingInOrder() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let other = try TestCA("other.test", now: agent.time.now)
      agent.server.put(try entry("b", "/second", ["uid:0"], hint: "h", createdAt: 2))
      agent.server.put(try entry("a", "/first", ["uid:0"], federatesWith: ["other.test"], hint: "h", createdAt: 3))
      agent.server.put(try entry("c", "/third", ["uid:0"]))
      agent.server.put(try entry("d", "/not/mine", ["uid:1"]))
      agent.server.change { $0.federated[other.trustDomain] = other.bundle() }
      try await agent.syncAndSign()
      let response = try await first(agent, agent.workloadAPI())
      // The hint "h" stays with the older entry; the federated bundle of the other one is still there.
      #expect(response.svids.map(\.spiffeID) == ["spiffe://example.org/second", "spiffe://example.org/third"])
      #expect(response.svids.map(\.hint) == ["h", ""])
      #expect(response.federatedBundles == ["spiffe://other.test": Data(other.der)])
      #expect(response.crl.isEmpty)
      for svid in response.svids {
        #expect(Array(svid.bundle) == agent.ca.der)
        let chain = try X509Certificates.splitDER(Array(svid.x509Svid))
        #expect(
          try X509SVIDVerifier(bundle: agent.ca.bundle()).verify(chain: chain, at: agent.time.now).id.description
            == svid.spiffeID)
        #expect(!svid.x509SvidKey.isEmpty)
      }
    }
  }

  @Test func streamFollowsChangesAndEndsWithTheLastIdentity() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/one", ["uid:0"]))
      try await agent.syncAndSign()
      let messages = Messages(100)
      let api = agent.workloadAPI()
      let call = agent.call(.fetchX509SVID)
      let end = Task { try await api.fetchX509SVID(call) { try messages.take($0) } }
      while messages.all.count < 1 { await Task.yield() }
      agent.server.put(try entry("2", "/two", ["uid:0"]))
      try await agent.syncAndSign()
      while messages.all.count < 2 { await Task.yield() }
      agent.server.change { $0.entries = [:] }
      _ = try await agent.synchronizer.synchronize()
      let error = await #expect(throws: AgentError.self) { try await end.value }
      #expect(error?.code == .permissionDenied)
      #expect(error?.message == "no identity issued")
      let counts = try messages.all.map { try WorkloadX509SVIDResponse(serializedBytes: $0).svids.count }
      #expect(counts == [1, 2])
    }
  }

  @Test func withoutAnEntryTheCallerIsRefused() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.earlySync.syncBegins()
      agent.earlySync.syncEnded(.failed)
      let api = agent.workloadAPI()
      let refused = AgentError(.permissionDenied, "")
      await #expect(throws: refused) { try await api.fetchX509SVID(agent.call(.fetchX509SVID)) { _ in } }
      await #expect(throws: refused) { try await api.fetchX509Bundles(agent.call(.fetchX509Bundles)) { _ in } }
      await #expect(throws: refused) { try await api.fetchJWTBundles(agent.call(.fetchJWTBundles)) { _ in } }
      var request = WorkloadJWTSVIDRequest()
      request.audience = ["a"]
      await #expect(throws: refused) { try await api.fetchJWTSVID(agent.call(.fetchJWTSVID), request) }
    }
  }

  @Test func unauthenticatedVerifiersGetTheOwnBundleOnly() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let other = try TestCA("other.test", now: agent.time.now)
      agent.server.put(try entry("1", "/one", ["uid:9"], federatesWith: ["other.test"]))
      agent.server.change { $0.federated[other.trustDomain] = other.bundle() }
      try await agent.syncAndSign()
      var options = WorkloadAPI.Options()
      options.allowsUnauthenticatedVerifiers = true
      let x509 = Messages(1)
      let jwt = Messages(1)
      let api = agent.workloadAPI(options: options)
      await #expect(throws: Messages.Enough.self) {
        try await api.fetchX509Bundles(agent.call(.fetchX509Bundles)) { try x509.take($0) }
      }
      await #expect(throws: Messages.Enough.self) {
        try await api.fetchJWTBundles(agent.call(.fetchJWTBundles)) { try jwt.take($0) }
      }
      let certificates = try WorkloadX509BundlesResponse(serializedBytes: x509.all[0])
      #expect(certificates.bundles == ["spiffe://example.org": Data(agent.ca.der)])
      let keys = try WorkloadJWTBundlesResponse(serializedBytes: jwt.all[0])
      #expect(keys.bundles.keys.sorted() == ["spiffe://example.org"])
      let text = String(decoding: try #require(keys.bundles["spiffe://example.org"]), as: UTF8.self)
      #expect(text == (try BundleDocument.encodeJWKS(jwtAuthorities: agent.ca.bundle().jwtAuthorities)))
    }
  }

  @Test func bundlesAreSentOnlyWhenTheyChange() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/one", ["uid:0"]))
      try await agent.syncAndSign()
      let messages = Messages(2)
      let api = agent.workloadAPI()
      let call = agent.call(.fetchX509Bundles)
      let end = Task { try await api.fetchX509Bundles(call) { try messages.take($0) } }
      while messages.all.count < 1 { await Task.yield() }
      // A new SVID is no reason to send the same bundles again; a new authority is.
      agent.server.put(try entry("1", "/one", ["uid:0"], revision: 1))
      try await agent.syncAndSign()
      let next = try TestCA(now: agent.time.now)
      agent.server.change { $0.bundle.x509Authorities += next.bundle().x509Authorities }
      _ = try await agent.synchronizer.synchronize()
      await #expect(throws: Messages.Enough.self) { try await end.value }
      let last = try WorkloadX509BundlesResponse(serializedBytes: messages.all[1])
      #expect(last.bundles == ["spiffe://example.org": Data(agent.ca.der + next.der)])
    }
  }

  @Test func cachedIdentitiesAreServedWhileTheServerIsAway() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/one", ["uid:0"]))
      try await agent.syncAndSign()
      agent.server.change { $0.failure = AgentError(.unavailable, "connection refused") }
      for _ in 0..<11 {
        agent.time.advance(by: .seconds(300))
        _ = try? await agent.synchronizer.synchronize()
        _ = try? await agent.signer.pass()
        agent.cache.signingFails()
        #expect(try await first(agent, agent.workloadAPI()).svids.count == 1)
      }
    }
  }

  @Test func callersThatVanishedAndFloodsAreRefused() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/one", ["uid:0"]))
      try await agent.syncAndSign()
      var options = WorkloadAPI.Options()
      options.rateLimits.fetchX509SVID = 1
      let api = agent.workloadAPI(options: options)
      let gone = await #expect(throws: AgentError.self) {
        try await api.fetchX509SVID(agent.call(.fetchX509SVID, TestCaller(isGone: true))) { _ in }
      }
      #expect(gone?.code == .unavailable)
      #expect(gone?.message == "workload attestation failed")
      _ = try await first(agent, api)
      let flood = await #expect(throws: AgentError.self) {
        try await api.fetchX509SVID(agent.call(.fetchX509SVID)) { _ in }
      }
      #expect(flood?.code == .unavailable)
      #expect(flood?.message == "rate limit exceeded for /SpiffeWorkloadAPI/FetchX509SVID")
    }
  }

  @Test func connectionOfACallerThatIsNotWhoItWasEnds() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/one", ["uid:0"]))
      try await agent.syncAndSign()
      let ended = Mutex(0)
      let gone = TestCaller(isGone: true, onDisconnect: { ended.withLock { $0 += 1 } })
      let api = agent.workloadAPI()
      await #expect(throws: AgentError(.unavailable, "")) {
        try await api.fetchX509SVID(agent.call(.fetchX509SVID, gone)) { _ in }
      }
      #expect(ended.withLock { $0 } == 1)
    }
  }

  @Test func streamsLaterMessagesGoToNobodyElseThanTheCaller() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/one", ["uid:0"]))
      try await agent.syncAndSign()
      let alive = Mutex(true)
      let ended = Mutex(0)
      let caller = TestCaller(alive: { alive.withLock { $0 } }, onDisconnect: { ended.withLock { $0 += 1 } })
      let messages = Messages(100)
      let api = agent.workloadAPI()
      let call = agent.call(.fetchX509SVID, caller)
      let end = Task { try await api.fetchX509SVID(call) { try messages.take($0) } }
      while messages.all.count < 1 { await Task.yield() }
      alive.withLock { $0 = false }
      agent.server.put(try entry("2", "/two", ["uid:0"]))
      try await agent.syncAndSign()
      await #expect(throws: AgentError(.unavailable, "")) { try await end.value }
      #expect(messages.all.count == 1 && ended.withLock { $0 } == 1)
    }
  }

  @Test func jwtSVIDsOfAllOrOneIdentity() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("b", "/two", ["uid:0"], hint: "internal"))
      agent.server.put(try entry("a", "/one", ["uid:0"]))
      _ = try await agent.synchronizer.synchronize()
      let api = agent.workloadAPI()
      var request = WorkloadJWTSVIDRequest()
      request.audience = ["db"]
      let all = try await api.fetchJWTSVID(agent.call(.fetchJWTSVID), request)
      #expect(all.svids.map(\.spiffeID) == ["spiffe://example.org/one", "spiffe://example.org/two"])
      #expect(all.svids.map(\.hint) == ["", "internal"])
      request.spiffeID = "spiffe://example.org/two"
      let one = try await api.fetchJWTSVID(agent.call(.fetchJWTSVID), request)
      #expect(one.svids.map(\.svid) == [all.svids[1].svid])
      request.spiffeID = "spiffe://example.org/other"
      agent.earlySync.syncBegins()
      agent.earlySync.syncEnded(.failed)
      await #expect(throws: AgentError(.permissionDenied, "")) {
        try await api.fetchJWTSVID(agent.call(.fetchJWTSVID), request)
      }
      request.spiffeID = "x"
      let bad = await #expect(throws: AgentError.self) {
        try await api.fetchJWTSVID(agent.call(.fetchJWTSVID), request)
      }
      #expect(bad?.code == .invalidArgument)
      #expect(bad?.message == "invalid requested SPIFFE ID: scheme is missing or invalid")
      let none = await #expect(throws: AgentError.self) {
        try await api.fetchJWTSVID(agent.call(.fetchJWTSVID), WorkloadJWTSVIDRequest())
      }
      #expect(none?.message == "audience must be specified")
      agent.server.change { $0.jwtFailure = AgentError(.unknown, "no key") }
      request.spiffeID = ""
      request.audience = ["other"]
      let failed = await #expect(throws: AgentError.self) {
        try await api.fetchJWTSVID(agent.call(.fetchJWTSVID), request)
      }
      #expect(failed?.code == .unavailable)
      #expect(failed?.message == "could not fetch JWT-SVID: no key")
    }
  }
}
