import Foundation
import Testing

@testable import Daemon

/// Batches as tally's M3 reporter sends them: Thrift's compact protocol, byte by byte, and read by Apache's library.
@Suite struct M3SinkTests {
  private let time = TestTime(Date(timeIntervalSince1970: 1_700_000_000.25))

  private func sink(capacity: Int = 100) -> M3Sink {
    M3Sink(service: "spire_agent", environment: "prod", capacity: capacity, time: time)
  }

  @Test func theBytesOfABatch() {
    let sink = sink()
    sink.incrementCounter(["spire_agent", "counter", "a", "b"], by: 300, labels: [MetricLabel("k", "v")])
    var expected: [UInt8] = [0x82, 0x81, 1, 17]
    expected += Array("emitMetricBatchV2".utf8)
    // Arguments: field 1; batch: field 1, a list of one structure.
    expected += [0x1C, 0x19, 0x1C]
    // Metric: name; value: type 1, count 300, gauge 0, timer 0.
    expected += [0x18, 3] + Array("a_b".utf8)
    expected += [0x1C, 0x15, 2, 0x16, 0xD8, 0x04, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x16, 0, 0]
    // 1,700,000,000.2 s in nanoseconds, as a zigzag number.
    expected += [0x16, 0x80, 0x88, 0xAE, 0xA1, 0xC8, 0xBF, 0xCE, 0x97, 0x2F]
    expected += [0x19, 0x1C, 0x18, 1, 0x6B, 0x18, 1, 0x76, 0, 0]
    // Common tags: field 2, a list of two.
    expected += [0x19, 0x2C, 0x18, 3] + Array("env".utf8) + [0x18, 4] + Array("prod".utf8) + [0]
    expected += [0x18, 7] + Array("service".utf8) + [0x18, 11] + Array("spire_agent".utf8) + [0, 0, 0]
    let packets = sink.takePackets()
    #expect(packets.count == 1)
    #expect(packets.first == expected)
  }

  @Test func countersAndBucketsGrowAndGaugesAreSet() {
    let sink = sink()
    for _ in 0..<3 { sink.incrementCounter(["s", "counter", "c"], by: 1.5, labels: []) }
    sink.setGauge(["s", "gauge", "g"], to: 1, labels: [])
    sink.setGauge(["s", "gauge", "g"], to: 2, labels: [])
    sink.addSample(["s", "timer", "t", "elapsed_time"], 12.9, labels: [])
    sink.addSample(["s", "timer", "t", "elapsed_time"], 24, labels: [])
    sink.addSample(["s", "sample", "v"], 11, labels: [])
    let text = String(decoding: sink.takePackets().flatMap(\.self), as: UTF8.self)
    for part in ["t_elapsed_time", "0002", "10ms-25ms", "0003", "10.000000-100.000000"] {
      #expect(text.contains(part), "\(part)")
    }
    // Nothing happened since: nothing is sent.
    #expect(sink.takePackets().isEmpty)
    sink.incrementCounter(["s", "counter", "c"], by: 0.5, labels: [])
    #expect(sink.takePackets().isEmpty)
  }

  @Test func theBucketsAreTallys() {
    let times = M3Buckets.times
    #expect(times.tags(of: times.index(of: 0)).map(\.value) == ["0000", "-infinity-0"])
    #expect(times.tags(of: times.index(of: 1)).map(\.value) == ["0001", "0-10ms"])
    #expect(times.tags(of: times.index(of: 1000)).map(\.value) == ["0012", "800ms-1s"])
    #expect(times.tags(of: times.index(of: 1e9)).map(\.value) == ["0020", "30s-infinity"])
    let values = M3Buckets.values
    #expect(values.tags(of: values.index(of: 0)).map(\.value) == ["0000", "-infinity-0.000000"])
    #expect(values.tags(of: values.index(of: 10001)).map(\.value) == ["0006", "10000.000000-infinity"])
    #expect(values.tags(of: 0).map(\.name) == ["bucketid", "bucket"])
  }

  @Test func seriesAreBoundedAndPacketsSmall() {
    let small = sink(capacity: 2)
    for name in ["a", "b", "c"] { small.incrementCounter(["s", "counter", name], by: 1, labels: []) }
    #expect(small.takeDropped() == 1)
    let sink = sink(capacity: 10_000)
    for index in 0..<2000 {
      sink.incrementCounter(["s", "counter", "some_long_name_\(index)"], by: 1, labels: [MetricLabel("k", "value")])
    }
    let packets = sink.takePackets()
    #expect(packets.count > 1)
    #expect(packets.allSatisfy { $0.count <= M3Batches.packetSize })
    // Each packet is a call of its own, with the next number.
    #expect(packets.map { $0[2] } == Array(1...UInt8(packets.count)))
  }

  @Test(.enabled(if: Python.hasModule("thrift"))) func apachesLibraryReadsIt() throws {
    let sink = sink(capacity: 1000)
    sink.incrementCounter(["s", "counter", "calls"], by: 2, labels: [MetricLabel("b", "2"), MetricLabel("a", "1")])
    sink.setGauge(["s", "gauge", "size"], to: -2.5, labels: [])
    sink.addSample(["s", "timer", "calls", "elapsed_time"], 7, labels: [MetricLabel("status", "OK")])
    for index in 10..<30 { sink.incrementCounter(["s", "counter", "more\(index)"], by: 1, labels: []) }
    let folder = try TestFolder()
    let packets = sink.takePackets()
    try Data(packets[0]).write(to: URL(fileURLWithPath: folder.file("packet")))
    let result = try Python.run(Self.reader, arguments: [folder.file("packet"), Python.support])
    #expect(result.status == 0, "\(result.output)")
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(lines.first == "1 {'env': 'prod', 'service': 'spire_agent'}")
    #expect(lines.contains("calls {'a': '1', 'b': '2'} (1, 2, 0.0, 0) 1700000000200000000"))
    #expect(lines.contains("size {} (2, 0, -2.5, 0) 1700000000200000000"))
    #expect(
      lines.contains(
        "calls_elapsed_time {'status': 'OK', 'bucketid': '0001', 'bucket': '0-10ms'} (1, 1, 0.0, 0) 1700000000200000000"
      ))
    #expect(lines.count { $0.hasPrefix("more") } == 20)
  }

  private static let reader = """
    import sys
    sys.path.insert(0, sys.argv[2])
    from m3_batches import read_batch
    sequence, common, metrics = read_batch(open(sys.argv[1], 'rb').read())
    print(sequence, common)
    for metric in metrics: print(*metric)
    """
}
