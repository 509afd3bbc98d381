import Foundation
import Mutations
import SPIFFE
import Testing

@testable import Agent
@testable import Daemon

/// JWT-SVIDs: cached, renewed at half of their life, and still there when the server is not.
@Suite struct JWTSVIDIssuerTests {
  private func agent(_ folder: String) async throws -> (TestAgent, AgentEntry) {
    let agent = try await TestAgent(directory: folder)
    let item = try entry("1", "/web", ["uid:0"])
    agent.server.put(item)
    return (agent, item)
  }

  @Test func oneRequestServesTheFirstHalfOfALifetime() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      let first = try await agent.issuer.svid(for: item, audience: ["b", "a"])
      agent.time.advance(by: .seconds(149))
      #expect(try await agent.issuer.svid(for: item, audience: ["a", "b"]) == first)
      #expect(agent.server.calls("newJWTSVID") == 1)
      _ = try await agent.issuer.svid(for: item, audience: ["a"])
      #expect(agent.server.calls("newJWTSVID") == 2)
      agent.time.advance(by: .seconds(2))
      #expect(try await agent.issuer.svid(for: item, audience: ["a", "b"]) != first)
    }
  }

  @Test func cachedTokenBridgesAnOutage() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      let first = try await agent.issuer.svid(for: item, audience: ["a"])
      agent.server.change { $0.jwtFailure = AgentError(.unknown, "out of order") }
      agent.time.advance(by: .seconds(200))
      #expect(try await agent.issuer.svid(for: item, audience: ["a"]) == first)
      agent.time.advance(by: .seconds(101))
      let error = await #expect(throws: AgentError.self) { try await agent.issuer.svid(for: item, audience: ["a"]) }
      #expect(error?.message == "unable to renew JWT for \"spiffe://example.org/web\" (err=out of order)")
      let other = await #expect(throws: AgentError.self) { try await agent.issuer.svid(for: item, audience: ["b"]) }
      #expect(other?.message == "out of order")
    }
  }

  @Test func tokenThatExpiresWhileTheServerIsAskedIsNotHandedOut() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      let first = try await agent.issuer.svid(for: item, audience: ["a"])
      agent.server.change { $0.jwtFailure = AgentError(.unavailable, "connection refused") }
      agent.time.advance(by: .seconds(290))
      let result = Task { try await agent.issuer.svid(for: item, audience: ["a"]) }
      await agent.time.waitForSleepers(2)
      agent.time.advance(by: .seconds(31))
      await #expect(throws: AgentError.self) { try await result.value }
      #expect(first.expiresAt < agent.time.now)
    }
  }

  @Test func tokenForSomebodyElseIsRefused() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      // The server's entry has another identity by now, which this agent has not heard of.
      agent.server.put(try entry("1", "/other", ["uid:0"]))
      let error = await #expect(throws: AgentError.self) { try await agent.issuer.svid(for: item, audience: ["a"]) }
      #expect(error?.code == .malformed)
      #expect(error?.message.contains("\"spiffe://example.org/other\"") == true)
      #expect(agent.issuer.cachedCount == 0)
    }
  }

  @Test func passingFaultsAreRetriedWithinTheTime() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      agent.server.change { $0.jwtFailure = AgentError(.unavailable, "connection refused") }
      async let result = agent.issuer.svid(for: item, audience: ["a"])
      await agent.time.waitForSleepers(2)
      agent.server.change { $0.jwtFailure = nil }
      agent.time.advance(by: .seconds(1))
      #expect(try await result.expiresAt > agent.time.now)
      #expect(agent.server.calls("newJWTSVID") == 2)
    }
  }

  @Test func taintedKeysAndTheLimitEmptyTheCache() throws {
    let ca = try TestCA(now: Date(timeIntervalSince1970: 1_000_000))
    let now = Date(timeIntervalSince1970: 1_000_000)
    var cache = TokenCache<JWTSVIDKey, IssuedJWTSVID>(limit: 2)
    let id = try SPIFFEID("spiffe://example.org/web")
    let keys = ["a", "b", "c"].map { JWTSVIDKey(id, audience: [$0]) }
    for (key, audience) in zip(keys, ["a", "b", "c"]) {
      if audience == "c" { _ = cache.value(keys[0]) }
      let token = try ca.jwt(id, audience: [audience], now: now, lifetime: 60)
      cache.store(IssuedJWTSVID(token: token, issuedAt: now, expiresAt: now + 60), for: key)
    }
    #expect(cache.count == 2)
    #expect(cache.value(keys[1]) == nil)
    #expect(cache.value(keys[0]) != nil)
    #expect(cache.removeSigned(by: ["other"]) == 0)
    #expect(cache.removeSigned(by: [ca.jwtKeyID]) == 2)
    #expect(cache.count == 0)
    // One that was on its way meanwhile is not kept.
    let late = try ca.jwt(id, audience: ["a"], now: now, lifetime: 60)
    cache.store(IssuedJWTSVID(token: late, issuedAt: now, expiresAt: now + 60), for: keys[0])
    #expect(cache.count == 0)
  }

  private struct Token: CachedToken {
    let issuedAt = Date(timeIntervalSince1970: 0)
    let expiresAt = Date(timeIntervalSince1970: 1)
    var keyID: String?
  }

  /// Against a list in the order of use.
  @Test(arguments: 0..<4) func leastRecentlyUsedGoesFirst(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    var cache = TokenCache<Int, Token>(limit: 7)
    var model: [Int] = []
    for _ in 0..<2000 {
      let key = Int.random(in: 0..<12, using: &generator)
      let isKnown = model.contains(key)
      model.removeAll { $0 == key }
      switch Int.random(in: 0..<3, using: &generator) {
      case 0:
        cache.store(Token(keyID: "\(key)"), for: key)
        model.append(key)
        if model.count > 7 { model.removeFirst() }
      case 1:
        #expect((cache.value(key) != nil) == isKnown)
        if isKnown { model.append(key) }
      default:
        #expect(cache.removeSigned(by: ["\(key)"]) == (isKnown ? 1 : 0))
        #expect(cache.removeSigned(by: []) == 0)
      }
      #expect(cache.count == model.count)
    }
    for key in 0..<12 { #expect((cache.value(key) != nil) == model.contains(key)) }
  }

  @Test func keysTellAudiencesApart() throws {
    let id = try SPIFFEID("spiffe://example.org/web")
    #expect(JWTSVIDKey(id, audience: ["a", "b"]) == JWTSVIDKey(id, audience: ["b", "a"]))
    #expect(JWTSVIDKey(id, audience: ["ab"]) != JWTSVIDKey(id, audience: ["a", "b"]))
    #expect(JWTSVIDKey(id, audience: []) != JWTSVIDKey(id, audience: [""]))
  }

  @Test func callersAtTheSameTimeShareARequest() async throws {
    try await withFolder { folder in
      let (agent, item) = try await agent(folder)
      agent.server.change { $0.jwtFailure = AgentError(.unavailable, "busy") }
      try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<20 {
          group.addTask { try await agent.issuer.svid(for: item, audience: ["a"]).token }
        }
        // One request sleeps before its second try, beside its timeout; the others wait for it.
        await agent.time.waitForSleepers(2)
        while agent.issuer.waiterCount < 19 { await Task.yield() }
        agent.server.change { $0.jwtFailure = nil }
        agent.time.advance(by: .seconds(1))
        var tokens: Set<String> = []
        for try await token in group { tokens.insert(token) }
        #expect(tokens.count == 1)
      }
      #expect(agent.server.calls("newJWTSVID") == 2)
    }
  }
}
