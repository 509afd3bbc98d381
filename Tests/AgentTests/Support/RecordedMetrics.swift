import Synchronization

@testable import Daemon

/// Keeps every metric that is reported, by its key with dots.
final class RecordedMetrics: MetricsSink {
  private let state = Mutex<[String: (value: Double, labels: [MetricLabel])]>([:])

  var metrics: Metrics { Metrics(sinks: [self]) }
  var keys: Set<String> { state.withLock { Set($0.keys) } }
  /// The last gauge or sample, the sum of a counter.
  func value(_ key: String) -> Double? { state.withLock { $0[key]?.value } }
  func labels(_ key: String) -> [MetricLabel] { state.withLock { $0[key]?.labels ?? [] } }

  func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    state.withLock { $0[key.joined(separator: "."), default: (0, [])].value += value }
    state.withLock { $0[key.joined(separator: ".")]?.labels = labels }
  }

  func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {
    state.withLock { $0[key.joined(separator: ".")] = (value, labels) }
  }

  func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {
    state.withLock { $0[key.joined(separator: ".")] = (value, labels) }
  }
}
