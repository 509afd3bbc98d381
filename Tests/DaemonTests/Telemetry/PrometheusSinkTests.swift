import Foundation
import Testing

@testable import Daemon

@Suite struct PrometheusSinkTests {
  let time = TestTime()

  func page(_ sink: PrometheusSink) -> [String] {
    sink.page().split(separator: "\n").map(String.init).filter { !$0.contains("process_") }
  }

  @Test func namesTypesAndValues() {
    let sink = PrometheusSink(prefix: "spire_server", time: time)
    sink.incrementCounter(["spire_server", "rpc", "agent", "v1"], by: 2, labels: [MetricLabel("status", "OK")])
    sink.incrementCounter(["spire_server", "rpc", "agent", "v1"], by: 1, labels: [MetricLabel("status", "OK")])
    sink.setGauge(["spire_server", "a.b-c=d"], to: 7.5, labels: [])
    #expect(
      page(sink) == [
        "# HELP spire_server_a_b_c_d spire_server_a_b_c_d", "# TYPE spire_server_a_b_c_d gauge",
        "spire_server_a_b_c_d 7.5", "# HELP spire_server_rpc_agent_v1 spire_server_rpc_agent_v1",
        "# TYPE spire_server_rpc_agent_v1 counter", "spire_server_rpc_agent_v1{status=\"OK\"} 3",
      ])
  }

  @Test func samplesAreSummariesOfTheLastTenSeconds() {
    let sink = PrometheusSink(prefix: "p", time: time)
    for value in 1...100 {
      sink.addSample(["s"], Double(value), labels: [MetricLabel("b", "2"), MetricLabel("a", "1")])
    }
    #expect(
      page(sink).suffix(5) == [
        "s{a=\"1\",b=\"2\",quantile=\"0.5\"} 50", "s{a=\"1\",b=\"2\",quantile=\"0.9\"} 90",
        "s{a=\"1\",b=\"2\",quantile=\"0.99\"} 99", "s_sum{a=\"1\",b=\"2\"} 5050", "s_count{a=\"1\",b=\"2\"} 100",
      ])
    time.advance(by: .seconds(11))
    #expect(page(sink).contains("s{a=\"1\",b=\"2\",quantile=\"0.5\"} NaN"))
    #expect(page(sink).contains("s_count{a=\"1\",b=\"2\"} 100"))
  }

  @Test func seriesAreBounded() {
    let sink = PrometheusSink(prefix: "spire_agent", maximumSeries: 3, time: time)
    for index in 0..<10 { sink.incrementCounter(["c"], by: 1, labels: [MetricLabel("n", "\(index)")]) }
    sink.setGauge(["c"], to: 1, labels: [])
    let page = page(sink)
    #expect(page.filter { $0.hasPrefix("c{") }.count == 3)
    #expect(page.last == "spire_agent_dropped_metrics 8")
  }

  @Test func valuesAreEscaped() {
    let sink = PrometheusSink(prefix: "p", time: time)
    sink.setGauge(["g"], to: 1, labels: [MetricLabel("v", "a\"b\\c\nd")])
    #expect(page(sink).last == #"g{v="a\"b\\c\nd"} 1"#)
  }

  @Test(.enabled(if: Python.hasModule("prometheus_client")))
  func aRealParserReadsThePage() throws {
    let folder = try TestFolder()
    let sink = PrometheusSink(prefix: "spire_server", time: time)
    let metrics = Metrics(sinks: [
      MetricsDecorator(prefix: "spire_server", labels: [MetricLabel("host", "h")], sinks: [sink])
    ])
    metrics.incrementCounter(["rpc"], by: 3, labels: [MetricLabel("status", "OK")])
    metrics.addSample(["rpc", "elapsed_time"], 1.5, labels: [MetricLabel("status", "OK")])
    metrics.setGauge(["uptime_in_ms"], to: 1e21)
    try sink.page().write(toFile: folder.file("page"), atomically: true, encoding: .utf8)
    let result = try Python.run(
      """
      import sys
      from prometheus_client.parser import text_string_to_metric_families
      for family in text_string_to_metric_families(open(sys.argv[1]).read()):
          for sample in family.samples:
              if not sample.name.startswith('process_'):
                  print(family.type, sample.name, sorted(sample.labels.items()), sample.value)
      """, arguments: [folder.file("page")])
    #expect(result.status == 0, "\(result.output)")
    #expect(
      result.output.contains("counter spire_server_rpc_total [('host', 'h'), ('status', 'OK')] 3"), "\(result.output)")
    #expect(
      result.output.contains(
        "summary spire_server_rpc_elapsed_time [('host', 'h'), ('quantile', '0.5'), ('status', 'OK')] 1.5"),
      "\(result.output)")
    #expect(result.output.contains("gauge spire_server_uptime_in_ms [('host', 'h')] 1e+21"), "\(result.output)")
  }
}
