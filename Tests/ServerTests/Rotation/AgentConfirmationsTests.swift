import Authority
import Foundation
import SPIFFE
import Testing

@testable import Server

/// Which agents have which bundle.
@Suite struct AgentConfirmationsTests {
  private let now = Date(timeIntervalSince1970: 1000)
  private let agent = TestServer.id("/spire/agent/a")

  private func bundle(_ keys: [(String, tainted: Bool)]) -> SPIFFE.Bundle {
    SPIFFE.Bundle(
      trustDomain: TestServer.domain,
      jwtAuthorities: keys.map { JWTAuthority(publicKey: [], keyID: $0.0, expiresAt: 0, tainted: $0.tainted) })
  }

  private func has(_ confirmations: AgentConfirmations, _ id: String, _ what: AuthorityQuestion.What) -> Bool {
    confirmations.answer(AuthorityQuestion(.jwt, [id], what)).confirmed == [AgentMark(agent)]
  }

  @Test func anAgentHasTheBundleThatItWasGivenLast() {
    let confirmations = AgentConfirmations()
    confirmations.given(bundle([("old", false)]), to: agent, at: now)
    #expect(has(confirmations, "old", .known))
    #expect(!has(confirmations, "new", .known))
    confirmations.given(bundle([("old", false), ("new", false)]), to: agent, at: now)
    #expect(has(confirmations, "new", .known))
    #expect(!has(confirmations, "old", .tainted))
    confirmations.given(bundle([("old", true), ("new", false)]), to: agent, at: now)
    #expect(has(confirmations, "old", .tainted))
    // Gone is as good as tainted.
    confirmations.given(bundle([("new", false)]), to: agent, at: now)
    #expect(has(confirmations, "old", .tainted))
    let other = confirmations.answer(AuthorityQuestion(.x509, ["new"], .known))
    #expect(other.confirmed.isEmpty)
    #expect(other.others == [AgentMark(agent): 1000])
  }

  @Test func replacedIsWhatTheAgentSays() {
    let confirmations = AgentConfirmations()
    confirmations.given(bundle([("old", true)]), to: agent, at: now)
    #expect(!has(confirmations, "old", .replaced), "it does not say")
    confirmations.reported(2, by: agent, at: now)
    #expect(!has(confirmations, "old", .replaced))
    confirmations.reported(0, by: agent, at: now)
    #expect(has(confirmations, "old", .replaced))
    confirmations.reported(nil, by: agent, at: now)
    #expect(!has(confirmations, "old", .replaced), "it began anew")
    confirmations.reported(0, by: agent, at: now)
    confirmations.given(bundle([("old", false)]), to: agent, at: now)
    #expect(!has(confirmations, "old", .replaced), "it does not know of the taint")
  }

  @Test func whoIsNoAgentAnyMoreIsForgotten() {
    let confirmations = AgentConfirmations()
    let other = TestServer.id("/spire/agent/b")
    for agent in [agent, other] { confirmations.heard(agent, at: now) }
    #expect(confirmations.count == 2)
    confirmations.keep(only: [AgentMark(other)])
    #expect(confirmations.count == 1)
  }

  @Test func bundlesOfLongAgoAreNotRemembered() {
    let confirmations = AgentConfirmations()
    confirmations.given(bundle([("key", false)]), to: agent, at: now)
    for number in 0..<100 { _ = confirmations.number(of: bundle([("key", false), ("\(number)", false)])) }
    #expect(!has(confirmations, "key", .known))
  }

  @Test func aStreamsBundleCountsOnceItIsConfirmed() {
    var state = WatchState()
    state.begin(revision: 1, now: .zero)
    _ = state.take(revision: 1)
    state.sends(bundle: 7, revision: 1)
    #expect(state.bundle == 0)
    let first = state.confirm(1)
    #expect(first && state.bundle == 7)
    state.mark(ids: [], bundles: [TestServer.domain], revision: 2, now: .zero)
    _ = state.take(revision: 2)
    state.sends(bundle: 8, revision: 2)
    let again = state.confirm(1)
    #expect(again && state.bundle == 7)
    // The stream ends: what was not confirmed is sent again on the next one.
    var next = WatchState()
    let resumed = next.resume(state, at: 1)
    #expect(resumed && next.bundle == 7)
    _ = next.take(revision: 3)
    next.sends(bundle: 9, revision: 3)
    let last = next.confirm(3)
    #expect(last && next.bundle == 9)
  }
}
