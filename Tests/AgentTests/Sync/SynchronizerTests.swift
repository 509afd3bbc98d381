import Foundation
import Keys
import SPIFFE
import Synchronization
import Testing

@testable import Agent
@testable import Daemon

/// Syncs and signing against a server in the test: what arrives, what survives faults, what is signed when.
@Suite struct SynchronizerTests {
  @Test func entriesBundlesAndSVIDsArrive() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let other = try TestCA("other.test", now: agent.time.now)
      agent.server.put(try entry("1", "/web", ["uid:0"], federatesWith: ["other.test", "missing.test"]))
      agent.server.change { $0.federated[other.trustDomain] = other.bundle() }
      try await agent.syncAndSign()
      let update = agent.cache.snapshot(selectors("uid:0"))
      #expect(update.identities.map(\.svid.id.path) == ["/web"])
      #expect(update.federatedBundles.map(\.trustDomain.name) == ["other.test"])
      #expect(agent.server.calls("federatedBundle") == 2)
      // The chain verifies with the bundle.
      let chain = try X509Certificates.splitDER(try #require(update.identities.first).svid.chain)
      let verified = try X509SVIDVerifier(bundle: agent.ca.bundle()).verify(chain: chain, at: agent.time.now)
      #expect(verified.id.path == "/web")
    }
  }

  @Test(arguments: [true, false]) func bothProtocolsGiveTheSame(_ usesEntrySync: Bool) async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(
        directory: folder, options: SyncOptions(usesEntrySync: usesEntrySync),
        prepare: { $0.change { $0.pageSize = 3 } })
      for number in 0..<10 { agent.server.put(try entry("e\(number)", "/w\(number)", ["uid:\(number)"])) }
      #expect(try await agent.synchronizer.synchronize())
      #expect(agent.cache.entryCount == 10)
      #expect(try await !agent.synchronizer.synchronize())
      agent.server.change { $0.entries["e3"] = nil }
      agent.server.put(try entry("e4", "/changed", ["uid:4"], revision: 1))
      #expect(try await agent.synchronizer.synchronize())
      #expect(agent.cache.entryCount == 9)
      #expect(agent.cache.matchingEntries(selectors("uid:4")).first?.spiffeID.path == "/changed")
      #expect(agent.server.calls("authorizedEntries") == (usesEntrySync ? 0 : 3))
    }
  }

  @Test func outageChangesNothingThatIsServed() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      try await agent.syncAndSign()
      let before = agent.cache.snapshot(selectors("uid:0"))
      agent.server.change { $0.failure = AgentError(.unavailable, "connection refused") }
      await #expect(throws: AgentError(.unavailable, "")) { try await agent.synchronizer.synchronize() }
      agent.time.advance(by: .seconds(1200))
      #expect(agent.cache.snapshot(selectors("uid:0")) === before)
      agent.server.change { $0.failure = nil }
      #expect(try await !agent.synchronizer.synchronize())
    }
  }

  @Test func changeOfASyncThatBrokeOffIsNoticedByTheNextOne() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"], federatesWith: ["other.test"]))
      agent.server.change { $0.federatedFailure = AgentError(.unavailable, "busy") }
      await #expect(throws: AgentError(.unavailable, "")) { try await agent.synchronizer.synchronize() }
      agent.server.change { $0.federatedFailure = nil }
      // The signing loop is woken by this answer.
      #expect(try await agent.synchronizer.synchronize())
      #expect(agent.cache.entryCount == 1)
    }
  }

  @Test func ownBundleIsTrustedAndStoredAtOnce() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      let next = try TestCA(now: agent.time.now)
      agent.server.change { $0.bundle.x509Authorities += next.bundle().x509Authorities }
      #expect(try await agent.synchronizer.synchronize())
      #expect(agent.identity.bundle.x509Authorities.count == 2)
      #expect(await agent.storage.current.bundle == [agent.ca.der, next.der])
      // A bundle without authorities would lock the agent out: it is not taken.
      agent.server.change { $0.bundle.x509Authorities = [] }
      await #expect(throws: AgentError(.malformed, "")) { try await agent.synchronizer.synchronize() }
      #expect(agent.identity.bundle.x509Authorities.count == 2)
    }
  }

  @Test func rotationOverSeveralLifetimesHasNoGap() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(
        directory: folder, random: .system, prepare: { $0.change { $0.agentLifetime = 1e6 } })
      for number in 0..<5 { agent.server.put(try entry("\(number)", "/w\(number)", ["uid:0"])) }
      try await agent.syncAndSign()
      var serials: Set<[UInt8]> = []
      for _ in 0..<(5 * 12) {
        agent.time.advance(by: .seconds(300))
        while try await agent.signer.pass() {}
        let update = agent.cache.snapshot(selectors("uid:0"))
        #expect(update.identities.count == 5)
        for identity in update.identities {
          // Never less than about a quarter of the lifetime is left.
          #expect(identity.svid.notAfter.timeIntervalSince(agent.time.now) > 3600 * 0.25)
          serials.insert(identity.svid.chain)
        }
      }
      // Five hours, an SVID each half hour: about ten per entry.
      #expect(serials.count >= 5 * 7 && serials.count <= 5 * 13)
    }
  }

  @Test func taintedAuthorityReplacesEverythingOnce() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      try await agent.syncAndSign()
      let old = agent.cache.snapshot(selectors("uid:0")).identities.first?.svid
      _ = try await agent.issuer.svid(for: try entry("1", "/web", ["uid:0"]), audience: ["db"])
      let next = try TestCA(now: agent.time.now)
      agent.server.change { state in
        var bundle = state.ca.bundle(tainted: true)
        bundle.x509Authorities += next.bundle().x509Authorities
        bundle.jwtAuthorities += next.bundle().jwtAuthorities
        state.bundle = bundle
        state.ca = next
      }
      _ = try await agent.synchronizer.synchronize()
      #expect(agent.cache.snapshot(selectors("uid:0")).identities.count == 1)
      #expect(agent.identity.isDue(at: agent.time.now))
      #expect(agent.issuer.cachedCount == 0)
      while try await agent.signer.pass() {}
      let new = agent.cache.snapshot(selectors("uid:0")).identities.first?.svid
      #expect(new != nil && new !== old)
      try await agent.rotator.rotateIfDue()
      #expect(!agent.identity.isDue(at: agent.time.now))
      let signed = agent.server.calls("newX509SVIDs")
      _ = try await agent.synchronizer.synchronize()
      while try await agent.signer.pass() {}
      #expect(agent.server.calls("newX509SVIDs") == signed)
    }
  }

  /// Tainted and revoked between two looks at the bundle: what it signed is as worthless as if the agent had been told.
  @Test func anAuthorityThatIsGoneIsReplacedAsATaintedOneIs() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      try await agent.syncAndSign()
      let old = agent.cache.snapshot(selectors("uid:0")).identities.first?.svid
      let next = try TestCA(now: agent.time.now)
      agent.server.change { state in
        state.bundle = next.bundle()
        state.ca = next
      }
      _ = try await agent.synchronizer.synchronize()
      #expect(agent.cache.snapshot(selectors("uid:0")).identities.first?.svid === old)
      #expect(agent.identity.isDue(at: agent.time.now))
      while try await agent.signer.pass() {}
      let new = agent.cache.snapshot(selectors("uid:0")).identities.first?.svid
      #expect(new != nil && new !== old)
      try await agent.rotator.rotateIfDue()
      let signed = agent.server.calls("newX509SVIDs")
      _ = try await agent.synchronizer.synchronize()
      while try await agent.signer.pass() {}
      #expect(agent.server.calls("newX509SVIDs") == signed)
    }
  }

  @Test func batchesShrinkAfterFailuresAndGrowAgain() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder, limit: 2000)
      for number in 0..<700 { agent.server.put(try entry("\(number)", "/w\(number)", ["uid:\(number)"])) }
      _ = try await agent.synchronizer.synchronize()
      agent.server.change { $0.signingFailure = AgentError(.unavailable, "busy") }
      for _ in 0..<3 { _ = try? await agent.signer.pass() }
      agent.server.change { $0.signingFailure = nil }
      while try await agent.signer.pass() {}
      let sizes = agent.server.state.withLock { $0.batchSizes }
      #expect(sizes == [500, 250, 125, 62, 124, 248, 266])
      #expect(agent.cache.svidCount == 700)
    }
  }

  @Test func refusedEntryDoesNotHoldUpTheOthers() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("bad", "/bad", ["uid:0"]))
      agent.server.put(try entry("good", "/good", ["uid:1"]))
      agent.server.change { $0.refusedEntries = ["bad"] }
      try await agent.syncAndSign()
      #expect(agent.cache.svidCount == 1)
      // It is left alone for a while, then tried again.
      let calls = agent.server.calls("newX509SVIDs")
      #expect(try await !agent.signer.pass())
      #expect(agent.server.calls("newX509SVIDs") == calls)
      agent.server.change { $0.refusedEntries = [] }
      agent.time.advance(by: .seconds(5))
      _ = try await agent.signer.pass()
      #expect(agent.cache.svidCount == 2)
    }
  }

  @Test(arguments: [KeyType.ecP256, .ecP384, .rsa2048]) func everyKeyTypeIsMade(_ type: KeyType) async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder, keyType: type)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      try await agent.syncAndSign()
      let svid = try #require(agent.cache.snapshot(selectors("uid:0")).identities.first?.svid)
      let leaf = try X509Certificates.parse(der: try X509Certificates.splitDER(svid.chain)[0])
      #expect(try SoftwareKey(pkcs8: svid.privateKey).publicKey == X509Certificates.publicKey(of: leaf))
      #expect(try SoftwareKey(pkcs8: svid.privateKey).type == type)
    }
  }

  @Test func loopsSyncSignAndStop() async throws {
    try await withFolder { folder in
      let agent = try await TestAgent(directory: folder)
      agent.server.put(try entry("1", "/web", ["uid:0"]))
      try await agent.manager.initialize()
      #expect(agent.server.state.withLock { $0.agentVersion } == "")
      let run = Task { try await agent.manager.run() }
      // A workload that waits gets its SVID without the clock moving.
      let ids = await agent.cache.withSubscription(selectors("uid:0")) { updates in
        for await update in updates { return update.identities.map(\.entry.id) }
        return []
      }
      #expect(ids == ["1"])
      // An early sync brings an entry that was made a moment ago.
      agent.server.put(try entry("2", "/new", ["uid:7"]))
      agent.time.advance(by: .milliseconds(100))
      await agent.earlySync.request()
      #expect(agent.cache.matchingEntries(selectors("uid:7")).map(\.id) == ["2"])
      // The server learns the version beside all this.
      while agent.server.state.withLock({ $0.agentVersion }) != "1.15.3" && !Task.isCancelled { await Task.yield() }
      run.cancel()
      await #expect(throws: CancellationError.self) { try await run.value }
    }
  }
}
