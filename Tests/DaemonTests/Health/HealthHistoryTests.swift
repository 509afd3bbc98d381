import Testing

@testable import Daemon

@Suite struct HealthHistoryTests {
  let time = TestTime()
  let good = HealthState(isLive: true, isReady: true)

  @Test func beforeTheFirstRoundNothingIsKnown() {
    let history = HealthHistory(names: ["server", "catalog.datastore"])
    #expect(history.live == (false, "{\"catalog.datastore\":null,\"server\":null}\n"))
    #expect(history.interval == .seconds(1))
  }

  @Test func aMinuteApartOnceAllWasWell() {
    var history = HealthHistory(names: ["a", "b"])
    _ = history.record(["a": good], at: time.now)
    #expect(history.interval == .seconds(1))
    _ = history.record(["a": good, "b": HealthState(isLive: true, isReady: false)], at: time.now)
    #expect(history.interval == .seconds(1))
    #expect(history.live.isGood && !history.ready.isGood)
    _ = history.record(["a": good, "b": good], at: time.now)
    #expect(history.interval == .seconds(60))
    #expect(history.ready == (true, "{\"a\":{},\"b\":{}}\n"))
    _ = history.record(["b": HealthState(isLive: false, isReady: false)], at: time.now)
    #expect(history.interval == .seconds(60))
  }

  @Test func changesAreReportedOnce() {
    var history = HealthHistory(names: ["server"])
    let bad = HealthState.result("get_bundle_err", failure: "unable to fetch \"bundle\"")
    #expect(history.record(["server": good], at: time.now) == [])
    let start = time.now
    #expect(
      history.record(["server": bad], at: start)
        == [.failed(name: "server", error: "get_bundle_err: unable to fetch \"bundle\"")])
    #expect(history.record(["server": bad], at: start) == [])
    #expect(
      history.live == (false, "{\"server\":{\"get_bundle_err\":\"unable to fetch \\\"bundle\\\"\"}}\n"))
    time.advance(by: .seconds(60))
    #expect(
      history.record(["server": good], at: time.now)
        == [
          .recovered(
            name: "server", error: "get_bundle_err: unable to fetch \"bundle\"", failures: 2, since: start)
        ])
    #expect(history.record(["server": good], at: time.now) == [])
  }
}
