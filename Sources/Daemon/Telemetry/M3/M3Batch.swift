/// One metric as M3's collectors take it (tally's `Metric`, version 2). A value.
struct M3Metric: Equatable {
  enum Value: Equatable {
    case counter(Int64)
    case gauge(Double)
  }

  var name: String
  var tags: [MetricLabel]
  var value: Value
  /// Nanoseconds since 1970.
  var timestamp: Int64

  fileprivate func write(to writer: inout CompactWriter) {
    let (type, count, gauge): (Int64, Int64, Double) =
      switch value {
      case .counter(let count): (1, count, 0)
      case .gauge(let gauge): (2, 0, gauge)
      }
    writer.field(.binary)
    writer.string(name)
    writer.field(.structure)
    writer.field(.int32)
    writer.integer(type)
    writer.field(.int64)
    writer.integer(count)
    writer.field(.double)
    writer.double(gauge)
    // The timer, which is never used: samples are histograms.
    writer.field(.int64)
    writer.integer(0)
    writer.end()
    writer.field(.int64)
    writer.integer(timestamp)
    if !tags.isEmpty { Self.write(tags, to: &writer) }
    writer.end()
  }

  fileprivate static func write(_ tags: [MetricLabel], to writer: inout CompactWriter) {
    writer.field(.list)
    writer.listOfStructures(tags.count)
    for tag in tags {
      writer.field(.binary)
      writer.string(tag.name)
      writer.field(.binary)
      writer.string(tag.value)
      writer.end()
    }
  }
}

/// Puts metrics into calls of `emitMetricBatchV2`, one per packet. A value; the sequence goes on from packet to packet.
struct M3Batches {
  /// tally's.
  static let packetSize = 32768
  /// The numbers in front of the lists may take some bytes more than in an empty batch.
  private static let slack = 8

  let commonTags: [MetricLabel]
  private var sequence: Int32 = 0

  init(commonTags: [MetricLabel]) { self.commonTags = commonTags }

  mutating func packets(_ metrics: [M3Metric], limit: Int = packetSize) -> [[UInt8]] {
    let overhead = Self.call([], count: 0, commonTags, .max).count + Self.slack
    var packets: [[UInt8]] = []
    var body: [UInt8] = []
    var count = 0
    for metric in metrics {
      var writer = CompactWriter()
      metric.write(to: &writer)
      if count > 0, overhead + body.count + writer.bytes.count > limit {
        packets.append(next(body, count))
        (body, count) = ([], 0)
      }
      body += writer.bytes
      count += 1
    }
    if count > 0 { packets.append(next(body, count)) }
    return packets
  }

  private mutating func next(_ body: [UInt8], _ count: Int) -> [UInt8] {
    sequence &+= 1
    return Self.call(body, count: count, commonTags, sequence)
  }

  private static func call(
    _ body: [UInt8], count: Int, _ tags: [MetricLabel], _ sequence: Int32
  ) -> [UInt8] {
    var head = CompactWriter()
    head.oneWayCall("emitMetricBatchV2", sequence: sequence)
    head.field(.structure)
    head.field(.list)
    head.listOfStructures(count)
    var tail = CompactWriter()
    M3Metric.write(tags, to: &tail)
    tail.end()
    tail.end()
    return head.bytes + body + tail.bytes
  }
}
