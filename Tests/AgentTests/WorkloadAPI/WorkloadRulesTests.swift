import Foundation
import SPIFFE
import Testing

@testable import Agent

/// Hints, rate limits and what may be logged.
@Suite struct WorkloadRulesTests {
  private func kept(_ entries: [AgentEntry]) -> [String] { HintFilter.apply(entries) { $0 }.map(\.id) }

  @Test func oldestEntryOfAHintStays() throws {
    #expect(
      kept([
        try entry("a", "/a", ["uid:0"], hint: "x", createdAt: 5), try entry("b", "/b", ["uid:0"]),
        try entry("c", "/c", ["uid:0"], hint: "x", createdAt: 3), try entry("d", "/d", ["uid:0"]),
        try entry("e", "/e", ["uid:0"], hint: "y", createdAt: 9),
      ]) == ["b", "c", "d", "e"])
    #expect(
      kept([
        try entry("b", "/b", ["uid:0"], hint: "x", createdAt: 3),
        try entry("a", "/a", ["uid:0"], hint: "x", createdAt: 3),
      ]) == ["a"])
  }

  @Test func limitIsPerMethodAndSelectors() {
    var limits = WorkloadRateLimit.Limits()
    limits.fetchX509SVID = 2
    var limit = WorkloadRateLimit(limits)
    let now = Date(timeIntervalSince1970: 1000)
    let one = selectors("uid:1")
    let calls: [(WorkloadMethod, Set<SPIFFE.Selector>, Double)] = [
      (.fetchX509SVID, one, 0), (.fetchX509SVID, one, 0), (.fetchX509SVID, one, 0),
      (.fetchX509SVID, selectors("uid:2"), 0), (.fetchJWTSVID, one, 0), (.fetchJWTSVID, one, 0),
      (.fetchJWTSVID, one, 0),
      (.fetchX509SVID, one, 0.5), (.fetchX509SVID, one, 0.5), (.fetchX509SVID, one, 500),
    ]
    let allowed = calls.map { limit.allow($0.0, $0.1, now: now + $0.2) }
    #expect(allowed == [true, true, false, true, true, true, true, true, false, true])
  }

  @Test func limitsAreRememberedForAMinuteAndForgottenAfterTwo() {
    var limits = WorkloadRateLimit.Limits()
    limits.fetchX509SVID = 1
    var limit = WorkloadRateLimit(limits)
    let now = Date(timeIntervalSince1970: 1000)
    func allow(_ selector: String, _ seconds: Double) -> Bool {
      limit.allow(.fetchX509SVID, selectors(selector), now: now + seconds)
    }
    for number in 0..<10 { #expect(allow("uid:\(number)", 0)) }
    #expect(allow("uid:0", 59.9))
    // A new generation begins, but what was used a moment ago counts.
    #expect(!allow("uid:0", 60.1) && limit.bucketCount == 10)
    #expect(allow("uid:0", 121) && limit.bucketCount == 1)
    // Nobody called for long, or the clock was set back.
    #expect(allow("uid:1", 1000) && limit.bucketCount == 1)
    #expect(allow("uid:2", -1000) && limit.bucketCount <= 2)
  }

  @Test func onlyAllowedSelectorsAreLogged() {
    let all = ["uid:0", "uidx:1", "path:/bin/x"].map { SPIFFE.Selector(type: "unix", value: $0) }
    #expect(SelectorDisclosure().visible(all).isEmpty)
    #expect(SelectorDisclosure(prefixes: ["unix"]).visible(all) == all)
    #expect(SelectorDisclosure(prefixes: ["unix:uid"]).visible(all).map(\.value) == ["uid:0"])
    #expect(SelectorDisclosure(prefixes: ["unix:path:/bin/x"]).visible(all).map(\.value) == ["path:/bin/x"])
  }

  @Test func selectorsAreWrittenAsUpstreamDoes() {
    let all = [SPIFFE.Selector(type: "unix", value: "uid:0"), SPIFFE.Selector(type: "unix", value: "user:root")]
    #expect(WorkloadAttestation.text(all) == #"[type:"unix" value:"uid:0" type:"unix" value:"user:root"]"#)
  }
}
