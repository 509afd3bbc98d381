import Testing

@testable import Daemon

@Suite struct UptimeReporterTests {
  @Test func reportsEveryTenSeconds() async throws {
    let time = TestTime()
    let sink = PrometheusSink(prefix: "p", time: time)
    let reporter = UptimeReporter(
      metrics: Metrics(sinks: [sink]), time: time, labels: [MetricLabel("version", "1.15.3")], start: time.now)
    let task = Task { try await reporter.run() }
    await time.waitForSleepers()
    #expect(sink.page().contains("started{version=\"1.15.3\"} 1\n"))
    #expect(sink.page().contains("uptime_in_ms 0\n"))
    time.advance(by: .seconds(10))
    await time.waitForSleepers()
    #expect(sink.page().contains("uptime_in_ms 10000\n"))
    task.cancel()
    try await task.value
  }
}
