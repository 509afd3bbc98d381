import Testing

@testable import Daemon

/// Lines as go-metrics' statsd sink and Datadog's client write them.
@Suite struct StatsdSinkTests {
  private func lines(_ sink: StatsdSink) -> [String] {
    sink.queue.takePackets().flatMap { String(decoding: $0, as: UTF8.self).split(separator: "\n").map(String.init) }
  }

  private func fill(_ sink: StatsdSink) {
    let labels = [MetricLabel("status", "OK"), MetricLabel("host", "node-1.example.org")]
    sink.incrementCounter(["spire_agent", "rpc", "debug"], by: 1, labels: labels)
    sink.setGauge(["spire_agent", "sync entries:total"], to: 12.5, labels: [])
    sink.addSample(["spire_agent", "rpc", "elapsed_time"], 1.25, labels: labels)
  }

  @Test func statsdAddsTheValuesOfLabelsToTheName() {
    let sink = StatsdSink(.statsd)
    fill(sink)
    #expect(
      lines(sink) == [
        "spire_agent.rpc.debug.OK.node-1.example.org:1.000000|c", "spire_agent.sync_entries_total:12.500000|g",
        "spire_agent.rpc.elapsed_time.OK.node-1.example.org:1.250000|ms",
      ])
  }

  @Test func dogStatsdHasTags() {
    let sink = StatsdSink(.dogStatsd(global: ["dd.internal.entity_id:pod"]))
    fill(sink)
    sink.incrementCounter(["c"], by: 2.9, labels: [MetricLabel("empty", "")])
    #expect(
      lines(sink) == [
        "spire_agent.rpc.debug:1|c|#dd.internal.entity_id:pod,status:OK,host:node-1.example.org",
        "spire_agent.sync_entries_total:12.5|g|#dd.internal.entity_id:pod",
        "spire_agent.rpc.elapsed_time:1.250000|ms|#dd.internal.entity_id:pod,status:OK,host:node-1.example.org",
        "c:2|c|#dd.internal.entity_id:pod,empty",
      ])
    #expect(lines(StatsdSink(.dogStatsd(global: []))) == [])
  }

  @Test func aNameBringsNoOtherMetricAlong() {
    let sink = StatsdSink(.statsd)
    sink.incrementCounter(["a"], by: 1, labels: [MetricLabel("x", "1|c\nevil:9")])
    #expect(lines(sink) == ["a.1_c_evil_9:1.000000|c"])
  }

  @Test func packetsAreSmallAndTheQueueIsBounded() {
    let sink = StatsdSink(.statsd)
    for _ in 0..<5000 { sink.incrementCounter(["spire_server", "counter"], by: 1, labels: []) }
    let packets = sink.queue.takePackets()
    #expect(packets.allSatisfy { $0.count <= 1400 && $0.last == UInt8(ascii: "\n") })
    #expect(packets.reduce(0) { $0 + $1.count { $0 == UInt8(ascii: "\n") } } == 4096)
    #expect(sink.queue.takeDropped() == 5000 - 4096)
    #expect(sink.queue.takeDropped() == 0)
    #expect(sink.queue.takePackets().isEmpty)
    sink.incrementCounter([String(repeating: "x", count: 2000)], by: 1, labels: [])
    sink.incrementCounter(["y"], by: 1, labels: [])
    #expect(sink.queue.takePackets().count == 2)
  }
}
