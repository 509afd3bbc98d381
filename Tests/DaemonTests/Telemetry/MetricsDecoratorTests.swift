import Testing

@testable import Daemon

@Suite struct MetricsDecoratorTests {
  @Test(arguments: [
    ("example.org", "example_org"), ("spiffe://example.org", "spiffe_example_org"), ("a b_c", "a_b_c"), ("", ""),
    ("OK", "OK"), ("--", "_"), ("a-_-b", "a__b"), ("é", "_"),
  ])
  func labelValuesAreCleaned(_ value: String, _ expected: String) {
    #expect(MetricsDecorator.clean(value) == expected)
  }

  @Test func prefixLabelsAndFilterApply() {
    let sink = InMemorySink(time: TestTime())
    let time = TestTime()
    let kept = InMemorySink(time: time)
    let metrics = Metrics(sinks: [
      MetricsDecorator(
        prefix: "spire_server", labels: [MetricLabel("host", "h.1"), MetricLabel("secret", "x")],
        filter: MetricsFilter(
          allowedPrefixes: ["spire_server.rpc.agent"], blockedPrefixes: ["spire_server.rpc"], blockedLabels: ["secret"]),
        sinks: [sink, kept])
    ])
    metrics.incrementCounter(["rpc", "entry"])
    metrics.incrementCounter(["rpc", "agent"])
    metrics.setGauge(["other"], to: 2)
    time.advance(by: .seconds(2))
    let lines = kept.dump()
    #expect(lines.count == 2)
    #expect(lines.contains { $0.hasSuffix("[G] 'spire_server.other;host=h_1': 2.000") })
    #expect(lines.contains { $0.contains("[C] 'spire_server.rpc.agent;host=h_1': Count: 1 Sum: 1.000 LastUpdated: ") })
  }

  @Test func callsReportCounterAndTime() async throws {
    let time = TestTime()
    let sink = InMemorySink(time: time)
    let metrics = Metrics(sinks: [sink])
    try await metrics.call(["datastore", "node", "list"]) {}
    struct Broken: Error {}
    await #expect(throws: Broken.self) { try await metrics.call(["datastore", "node", "list"]) { throw Broken() } }
    time.advance(by: .seconds(1))
    let lines = sink.dump().map { String($0.prefix { $0 != ":" || false }) }
    #expect(lines.count == 4)
    let dump = sink.dump().joined(separator: "\n")
    #expect(dump.contains("[C] 'datastore.node.list;status=OK'"))
    #expect(dump.contains("[C] 'datastore.node.list;status=Unknown'"))
    #expect(dump.contains("[S] 'datastore.node.list.elapsed_time;status=OK'"))
  }
}
