import SPIFFE
import Testing

@testable import Server

/// What an agent is told next, after whatever happened.
@Suite struct WatchStateTests {
  private func begun() -> WatchState {
    var state = WatchState()
    state.begin(revision: 1, now: .zero)
    _ = state.take(revision: 1)
    _ = state.confirm(1)
    return state
  }

  @Test func aNewStreamBeginsWithAComparison() {
    var state = WatchState()
    let before = state.take(revision: 5)
    #expect(before == nil)
    state.begin(revision: 5, now: .seconds(1))
    let work = state.take(revision: 5)
    #expect(work?.welcome == false)
    #expect(work?.content?.comparison == true)
    let after = state.take(revision: 5)
    #expect(after == nil)
    #expect(state.behindSince == .seconds(1))
    let isKnown = state.confirm(5)
    #expect(isKnown)
    #expect(state.applied == 5)
    #expect(state.behindSince == nil)
  }

  @Test func changesGatherWhileTheAgentConfirmsNothing() {
    var state = begun()
    for revision in 2...5 as ClosedRange<UInt64> {
      state.mark(ids: ["\(revision)"], revision: revision, now: .seconds(Int(revision)))
      let work = state.take(revision: revision)
      #expect(work?.content?.ids == ["\(revision)"])
    }
    // The window is full: what comes now waits, each entry once.
    for revision in 6...9 as ClosedRange<UInt64> {
      state.mark(ids: ["x", "y"], revision: revision, now: .seconds(Int(revision)))
      let work = state.take(revision: revision)
      #expect(work == nil)
    }
    #expect(state.pendingCount == 2)
    #expect(state.behindSince == .seconds(2))
    _ = state.confirm(3)
    #expect(state.behindSince == .seconds(4))
    let work = state.take(revision: 9)
    #expect(work?.content?.ids == ["x", "y"])
  }

  @Test func tooMuchBecomesAComparison() {
    var state = begun()
    for number in 0...WatchState.idLimit { state.mark(ids: ["\(number)"], revision: 2, now: .zero) }
    #expect(state.pendingCount == 1)
    state.mark(ids: ["more"], revision: 3, now: .zero)
    let content = state.take(revision: 3)?.content
    #expect(content?.comparison == true)
    #expect(content?.ids == [])
  }

  @Test func whatWasNotConfirmedIsToldAgainOnTheNextStream() throws {
    let partner = try TrustDomain("partner.test")
    var old = begun()
    old.mark(ids: ["a"], revision: 2, now: .zero)
    _ = old.take(revision: 2)
    old.mark(ids: ["b"], bundles: [partner], revision: 3, now: .zero)
    _ = old.take(revision: 3)
    // The stream ends; more happens before the agent is back.
    old.mark(ids: ["c"], revision: 4, now: .zero)
    for (revision, ids) in [(1, ["a", "b", "c"]), (2, ["b", "c"]), (3, ["c"])] as [(UInt64, Set<String>)] {
      var next = WatchState()
      let resumed = next.resume(old, at: revision)
      #expect(resumed)
      let work = next.take(revision: 4)
      #expect(work?.welcome == true)
      #expect(work?.content?.ids == ids)
      #expect(work?.content?.bundles == (revision < 3 ? [partner] : []))
    }
    var next = WatchState()
    // Neither what was never told nor what was confirmed long ago nor nothing.
    _ = old.confirm(2)
    for revision in [0, 1, 4] as [UInt64] {
      let resumed = next.resume(old, at: revision)
      #expect(!resumed)
    }
  }

  @Test func onlyWhatWasSentCanBeConfirmed() {
    var state = begun()
    let isKnown = state.confirm(2)
    #expect(!isKnown)
    #expect(state.applied == 1)
  }

  @Test func changesWaitUntilAListingIsTakenIn() {
    var state = begun()
    state.mark(ids: ["a"], revision: 2, now: .zero)
    state.list()
    let work = state.take(revision: 2)
    #expect(work?.lists == true && work?.content == nil)
    state.mark(ids: ["b"], revision: 3, now: .zero)
    let nothing = state.take(revision: 3)
    #expect(nothing == nil)
    let (first, second) = (state.fetch(["x"]), state.fetch(["y"]))
    #expect(first && !second)
    state.ping()
    let answers = state.take(revision: 3)
    #expect(answers?.fetch == ["x"] && answers?.answersPing == true && answers?.content == nil)
    _ = state.confirm(2)
    let rest = state.take(revision: 3)
    #expect(rest?.content?.ids == ["b"])
    let late = state.fetch(["x"])
    #expect(!late)
    // A stream that ends within a listing begins anew with a comparison.
    _ = state.confirm(3)
    state.list()
    _ = state.take(revision: 4)
    var next = WatchState()
    _ = next.resume(state, at: 3)
    let again = next.take(revision: 4)
    #expect(again?.content?.comparison == true)
  }

  @Test func aCheckComesAfterWhatChanged() {
    var state = begun()
    state.mark(ids: ["a"], revision: 2, now: .zero)
    state.verify(revision: 3, now: .zero)
    let work = state.take(revision: 3)
    #expect(work?.content?.ids == ["a"] && work?.content?.verifies == true && work?.content?.comparison == false)
  }
}
