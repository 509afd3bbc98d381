package import Daemon
import Synchronization

/// Counts the calls of one of the agent's APIs (agent-behaviour §18): a counter of all, and a gauge of those under way.
///
/// One per API, shared by its calls; an atomic number isolates it.
package final class APIConnections: Sendable {
  private let counter: [String]
  private let gauge: [String]
  private let metrics: Metrics
  private let open = Atomic(0)

  /// - Parameter api: the first word of the metrics, for example `workload_api`.
  package init(_ api: String, metrics: Metrics) {
    counter = [api, "connection"]
    gauge = [api, "connections"]
    self.metrics = metrics
  }

  /// Counts a call while `body` runs.
  package func counted<T>(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
  ) async rethrows -> T {
    begin()
    defer { end() }
    return try await body()
  }

  /// A call begins that is counted until ``end()``.
  package func begin() {
    metrics.incrementCounter(counter)
    metrics.setGauge(gauge, to: Double(open.wrappingAdd(1, ordering: .relaxed).newValue))
  }

  package func end() {
    metrics.setGauge(gauge, to: Double(open.wrappingSubtract(1, ordering: .relaxed).newValue))
  }
}
