import Daemon
import Synchronization

/// Keeps every metric for tests to look at, in order.
final class RecordingSink: MetricsSink {
  struct Metric: Sendable, Equatable {
    let key: [String]
    let value: Double
    let labels: [MetricLabel]
  }

  private struct State {
    var counters: [Metric] = []
    var gauges: [Metric] = []
    var samples: [Metric] = []
  }
  private let state = Mutex(State())

  var counters: [Metric] { state.withLock(\.counters) }
  var gauges: [Metric] { state.withLock(\.gauges) }
  var samples: [Metric] { state.withLock(\.samples) }

  func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    state.withLock { $0.counters.append(Metric(key: key, value: value, labels: labels)) }
  }
  func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {
    state.withLock { $0.gauges.append(Metric(key: key, value: value, labels: labels)) }
  }
  func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {
    state.withLock { $0.samples.append(Metric(key: key, value: value, labels: labels)) }
  }
}
