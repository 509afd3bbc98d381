import FoundationEssentials
import Synchronization

/// Adds metrics up for M3 as tally does: counters and buckets of samples by how much they grew, gauges that were set, once
/// a second, for a ``DatagramReporter``. Safe from any thread.
///
/// Keys have the daemon's name and the metric's type in front; neither becomes part of the name.
package final class M3Sink: MetricsSink, DatagramSource {
  private struct Series: Hashable {
    let name: String
    let tags: [MetricLabel]
    /// Of a sample.
    var bucket: Bucket?
    var isGauge = false
  }

  private struct Bucket: Hashable {
    let isTime: Bool
    let index: Int
    var tags: [MetricLabel] { (isTime ? M3Buckets.times : M3Buckets.values).tags(of: index) }
  }

  private struct State {
    var values: [Series: Double] = [:]
    var batches: M3Batches
    var dropped = 0
  }

  package let bell = DatagramBell()
  private let capacity: Int
  private let time: any TimeSource
  private let state: Mutex<State>

  /// - Parameters:
  ///   - service: `spire_server` or `spire_agent`, whatever `MetricPrefix` says.
  ///   - capacity: the most series that change within a second.
  package init(service: String, environment: String, capacity: Int = 10_000, time: any TimeSource) {
    self.capacity = capacity
    self.time = time
    state = Mutex(
      State(batches: M3Batches(commonTags: [MetricLabel("env", environment), MetricLabel("service", service)])))
  }

  package func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    // Counts are whole there.
    update(Series(name: Self.name(key), tags: Self.tags(labels))) { $0 += value.rounded(.towardZero) }
  }

  package func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {
    update(Series(name: Self.name(key), tags: Self.tags(labels), isGauge: true)) { $0 = value }
  }

  package func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {
    let isTime = key.dropFirst().first == MetricsDecorator.timerType
    let index = isTime ? M3Buckets.times.index(of: value.rounded(.towardZero)) : M3Buckets.values.index(of: value)
    let bucket = Bucket(isTime: isTime, index: index)
    update(Series(name: Self.name(key), tags: Self.tags(labels), bucket: bucket)) { $0 += 1 }
  }

  private static func name(_ key: [String]) -> String { key.dropFirst(2).joined(separator: "_") }

  /// By name; of two with one name the last.
  private static func tags(_ labels: [MetricLabel]) -> [MetricLabel] {
    Dictionary(labels.map { ($0.name, $0) }, uniquingKeysWith: { $1 }).values.sorted { $0.name < $1.name }
  }

  private func update(_ series: Series, _ body: (inout Double) -> Void) {
    let isFirst = state.withLock { state in
      guard state.values[series] != nil || state.values.count < capacity else {
        state.dropped += 1
        return false
      }
      body(&state.values[series, default: 0])
      return state.values.count == 1
    }
    if isFirst { bell.ring() }
  }

  package func takePackets() -> [[UInt8]] {
    // tally's clock ticks ten times a second.
    let now = Int64((time.now.timeIntervalSince1970 * 10).rounded(.down)) * 100_000_000
    return state.withLock { state in
      defer { state.values = [:] }
      let metrics = state.values.compactMap { series, value -> M3Metric? in
        let tags = series.tags + (series.bucket?.tags ?? [])
        if series.isGauge { return M3Metric(name: series.name, tags: tags, value: .gauge(value), timestamp: now) }
        guard let count = Int64(exactly: value), count != 0 else { return nil }
        return M3Metric(name: series.name, tags: tags, value: .counter(count), timestamp: now)
      }
      func order(_ metric: M3Metric) -> String { metric.name + metric.tags.map(\.value).joined(separator: " ") }
      return state.batches.packets(metrics.sorted { order($0) < order($1) })
    }
  }

  package func takeDropped() -> Int {
    state.withLock { state in
      defer { state.dropped = 0 }
      return state.dropped
    }
  }
}
