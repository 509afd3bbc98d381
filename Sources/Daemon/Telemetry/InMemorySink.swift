import FoundationEssentials
import Synchronization

/// Keeps metrics of the last hour by the second, and writes them out on demand in go-metrics' form (`InMem {}`).
///
/// Only seconds in which something happened take memory, and the number of aggregates is bounded. Safe from any thread.
package final class InMemorySink: MetricsSink {
  private struct Aggregate {
    var count = 0
    var sum = 0.0
    var sumOfSquares = 0.0
    var minimum = Double.infinity
    var maximum = -Double.infinity
    var updated: Date

    mutating func add(_ value: Double, at now: Date) {
      count += 1
      sum += value
      sumOfSquares += value * value
      minimum = min(minimum, value)
      maximum = max(maximum, value)
      updated = now
    }

    var deviation: Double {
      guard count > 1 else { return 0 }
      let n = Double(count)
      return max(0, (n * sumOfSquares - sum * sum) / (n * (n - 1))).squareRoot()
    }

    var text: String {
      func f(_ value: Double) -> String { GoText.fixed(value) }
      guard deviation != 0 else { return "Count: \(count) Sum: \(f(sum)) LastUpdated: \(GoTime.string(updated))" }
      return "Count: \(count) Min: \(f(minimum)) Mean: \(f(sum / Double(count))) Max: \(f(maximum)) "
        + "Stddev: \(f(deviation)) Sum: \(f(sum)) LastUpdated: \(GoTime.string(updated))"
    }
  }

  private struct Interval {
    let start: Date
    var gauges: [String: Double] = [:]
    var counters: [String: Aggregate] = [:]
    var samples: [String: Aggregate] = [:]

    var size: Int { gauges.count + counters.count + samples.count }
  }

  private struct State {
    var intervals: [Interval] = []
    var size = 0
  }

  private let time: any TimeSource
  private let retention: Double
  private let capacity: Int
  private let state = Mutex(State())

  package init(retention: Duration = .seconds(3600), capacity: Int = 100_000, time: any TimeSource = SystemTime()) {
    self.retention = retention.seconds
    self.capacity = capacity
    self.time = time
  }

  package func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    let now = time.now
    update(now) { $0.counters[Self.name(key, labels), default: Aggregate(updated: now)].add(value, at: now) }
  }

  package func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {
    update(time.now) { $0.gauges[Self.name(key, labels)] = value }
  }

  package func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {
    let now = time.now
    update(now) { $0.samples[Self.name(key, labels), default: Aggregate(updated: now)].add(value, at: now) }
  }

  private func update(_ now: Date, _ body: (inout Interval) -> Void) {
    let start = Date(timeIntervalSinceReferenceDate: now.timeIntervalSinceReferenceDate.rounded(.down))
    state.withLock { state in
      if state.intervals.last?.start != start {
        state.intervals.append(Interval(start: start))
        while let first = state.intervals.first, state.intervals.count > 1,
          state.size > capacity || start.timeIntervalSince(first.start) > retention
        {
          state.size -= first.size
          state.intervals.removeFirst()
        }
      }
      let last = state.intervals.count - 1
      let before = state.intervals[last].size
      body(&state.intervals[last])
      state.size += state.intervals[last].size - before
    }
  }

  private static func name(_ key: [String], _ labels: [MetricLabel]) -> String {
    var name = key.joined(separator: ".")
    for label in labels { name += ";\(label.name)=\(label.value)" }
    return String(name.map { $0 == " " ? "_" : $0 })
  }

  /// What is kept, one line per metric and second, without the second that still runs.
  package func dump() -> [String] {
    let now = time.now
    let intervals = state.withLock { $0.intervals }
    var lines: [String] = []
    for interval in intervals where now.timeIntervalSince(interval.start) >= 1 {
      let start = GoTime.string(interval.start)
      for (name, value) in interval.gauges.sorted(by: { $0.key < $1.key }) {
        lines.append("[\(start)][G] '\(name)': \(GoText.fixed(value))")
      }
      for (name, value) in interval.counters.sorted(by: { $0.key < $1.key }) {
        lines.append("[\(start)][C] '\(name)': \(value.text)")
      }
      for (name, value) in interval.samples.sorted(by: { $0.key < $1.key }) {
        lines.append("[\(start)][S] '\(name)': \(value.text)")
      }
    }
    return lines
  }
}
