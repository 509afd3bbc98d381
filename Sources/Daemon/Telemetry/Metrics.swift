/// A name and a value that qualify a metric.
package struct MetricLabel: Hashable, Sendable {
  package let name: String
  package let value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// Where metrics go: Prometheus, the in-memory sink. Called from any thread; must not block.
package protocol MetricsSink: Sendable {
  func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel])
  func setGauge(_ key: [String], to value: Double, labels: [MetricLabel])
  func addSample(_ key: [String], _ value: Double, labels: [MetricLabel])
}

/// The one handle through which every part of a daemon reports what it does.
///
/// Keys are the words of server-behaviour §10.2 and agent-behaviour §18, without the daemon's prefix; sinks add it.
/// A value copied freely; the sinks behind it are shared.
package struct Metrics: Sendable {
  private let sinks: [any MetricsSink]

  package init(sinks: [any MetricsSink]) { self.sinks = sinks }

  /// Reports nothing.
  package static let none = Metrics(sinks: [])

  /// Whether anybody listens: without a sink nothing has to be put together.
  var isOn: Bool { !sinks.isEmpty }

  package func incrementCounter(
    _ key: @autoclosure () -> [String], by value: Double = 1, labels: [MetricLabel] = []
  ) {
    guard isOn else { return }
    let key = key()
    for sink in sinks { sink.incrementCounter(key, by: value, labels: labels) }
  }

  package func setGauge(_ key: [String], to value: Double, labels: [MetricLabel] = []) {
    for sink in sinks { sink.setGauge(key, to: value, labels: labels) }
  }

  package func addSample(_ key: [String], _ value: Double, labels: [MetricLabel] = []) {
    for sink in sinks { sink.addSample(key, value, labels: labels) }
  }

  /// Begins to measure a call; ``CallCounter/done(status:)`` reports it.
  package func startCall(_ key: [String], labels: [MetricLabel] = []) -> CallCounter {
    CallCounter(metrics: self, key: key, labels: labels, start: .now)
  }

  /// Measures `body` as a call of `key`. A thrown error is reported by its gRPC code name when it has one.
  package func call<T>(
    _ key: [String], labels: [MetricLabel] = [], isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> T
  ) async throws -> T {
    let counter = startCall(key, labels: labels)
    do {
      let result = try await body()
      counter.done()
      return result
    } catch {
      counter.done(error: error)
      throw error
    }
  }
}

/// An error that knows the name of its gRPC status code, such as `NotFound`.
package protocol StatusNamed: Error {
  var statusName: String { get }
}

/// One call under measurement: a counter `key` and a sample `key.elapsed_time` in milliseconds, labelled with the status.
package struct CallCounter: Sendable {
  let metrics: Metrics
  let key: [String]
  var labels: [MetricLabel]
  let start: ContinuousClock.Instant

  /// Adds a label that is known only during the call.
  package mutating func add(_ name: String, _ value: String) {
    guard metrics.isOn else { return }
    labels.append(MetricLabel(name, value))
  }

  /// Reports the call with the name of its gRPC status code.
  package func done(status: String = "OK") {
    guard metrics.isOn else { return }
    let all = labels + [MetricLabel("status", status)]
    metrics.incrementCounter(key, labels: all)
    metrics.addSample(key + ["elapsed_time"], start.duration(to: .now).seconds * 1000, labels: all)
  }

  /// Reports the call by the error that ended it, or as a success.
  package func done(error: (any Error)?) {
    guard let error else { return done() }
    if let named = error as? any StatusNamed { return done(status: named.statusName) }
    done(status: error is CancellationError ? "Canceled" : "Unknown")
  }
}
