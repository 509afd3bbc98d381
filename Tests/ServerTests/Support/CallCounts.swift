import Daemon
import Synchronization

/// Counts what is done, by the words of its metric.
final class CallCounts: MetricsSink {
  private let state = Mutex<[String: Int]>([:])

  func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    state.withLock { $0[key.joined(separator: "."), default: 0] += Int(value) }
  }
  func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {}
  func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {}

  /// The counters whose key begins with `prefix` and which grew while `body` ran.
  func during(_ prefix: String, _ body: () async throws -> Void) async rethrows -> [String: Int] {
    let before = state.withLock { $0 }
    try await body()
    return state.withLock { $0 }.filter { $0.key.hasPrefix(prefix) && $0.value != before[$0.key] ?? 0 }
  }
}
