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
        prefix: "spire_server", labels: [MetricLabel("trust.domain", "a.b"), MetricLabel("secret", "x")],
        host: "h-1.example",
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
    // The host as it is, and last.
    let labels = ";trust_domain=a_b;host=h-1.example"
    #expect(lines.contains { $0.hasSuffix("[G] 'spire_server.other\(labels)': 2.000") })
    #expect(
      lines.contains { $0.contains("[C] 'spire_server.rpc.agent\(labels)': Count: 1 Sum: 1.000 LastUpdated: ") })
  }

  /// What passes, by go-metrics' rules: the longest prefix decides, a blocked one over the same that is allowed, and what
  /// none matches passes.
  @Test(arguments: [
    ("spire_server.rpc.agent.v1", true), ("spire_server.rpc.entry", false), ("spire_server.rpcx", false),
    ("spire_server.both", false), ("other", true),
  ])
  func prefixes(_ key: String, _ passes: Bool) {
    let filter = MetricsFilter(
      allowedPrefixes: ["spire_server.rpc.agent", "spire_server.both", "spire_server"],
      blockedPrefixes: ["spire_server.rpc", "spire_server.both"])
    #expect(filter.allows(key.split(separator: ".").map(String.init)) == passes)
  }

  @Test func labelsPassWhenAllowedAndNotBlocked() {
    let labels = ["a", "b", "c"].map { MetricLabel($0, "1") }
    #expect(MetricsFilter(allowedLabels: ["a", "b"], blockedLabels: ["b"]).labels(labels).map(\.name) == ["a"])
    #expect(MetricsFilter(allowedLabels: []).labels(labels).isEmpty)
    #expect(MetricsFilter(blockedLabels: ["a"]).labels(labels).map(\.name) == ["b", "c"])
    #expect(MetricsFilter().labels(labels).count == 3)
  }

  @Test func someSinksGetTheTypeAndTheFilterSeesIt() {
    let sink = InMemorySink(time: TestTime())
    let time = TestTime()
    let kept = InMemorySink(time: time)
    let metrics = Metrics(sinks: [
      MetricsDecorator(
        prefix: "p", filter: MetricsFilter(blockedPrefixes: ["p.gauge.secret"]), hasTypes: true, sinks: [sink, kept])
    ])
    metrics.setGauge(["secret"], to: 1)
    metrics.setGauge(["g"], to: 1)
    metrics.incrementCounter(["c"])
    metrics.addSample(["t", "elapsed_time"], 1)
    metrics.addSample(["s"], 1)
    time.advance(by: .seconds(1))
    let names = kept.dump().map { $0.split(separator: "'")[1] }
    #expect(names == ["p.gauge.g", "p.counter.c", "p.sample.s", "p.timer.t.elapsed_time"])
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
