import Testing

@testable import Daemon

@Suite struct InMemorySinkTests {
  @Test func dumpsEverySecondButTheLast() {
    let time = TestTime()
    let sink = InMemorySink(time: time)
    sink.setGauge(["g h"], to: 1.5, labels: [MetricLabel("a", "b")])
    sink.addSample(["s"], 1, labels: [])
    sink.addSample(["s"], 3, labels: [])
    #expect(sink.dump() == [])
    time.advance(by: .seconds(1))
    sink.incrementCounter(["c"], by: 1, labels: [])
    #expect(
      sink.dump() == [
        "[2026-11-21 20:10:45 +0000 UTC][G] 'g_h;a=b': 1.500",
        "[2026-11-21 20:10:45 +0000 UTC][S] 's': Count: 2 Min: 1.000 Mean: 2.000 Max: 3.000 Stddev: 1.414 Sum: 4.000 "
          + "LastUpdated: 2026-11-21 20:10:45 +0000 UTC",
      ])
  }

  @Test func keepsOneHourAndABoundedAmount() {
    let time = TestTime()
    let sink = InMemorySink(capacity: 100, time: time)
    for _ in 0..<4000 {
      sink.incrementCounter(["c"], by: 1, labels: [])
      time.advance(by: .seconds(1))
    }
    #expect((90...101).contains(sink.dump().count))
    let long = InMemorySink(time: time)
    for _ in 0..<4000 {
      long.incrementCounter(["c"], by: 1, labels: [])
      time.advance(by: .seconds(1))
    }
    #expect(long.dump().count == 3601)
  }
}
