import Daemon
import Logging
import Synchronization

/// Keeps what is counted.
final class RecordingSink: MetricsSink {
  private let state = Mutex<[String: Double]>([:])

  /// `key{status}` to count.
  var counters: [String: Double] { state.withLock { $0 } }

  func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    let status = labels.first { $0.name == "status" }?.value ?? ""
    state.withLock { $0["\(key.joined(separator: ".")){\(status)}", default: 0] += value }
  }
  func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {}
  func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {}
}

/// Keeps what is logged.
final class RecordingLog: Sendable {
  struct Line: Equatable, Sendable {
    var level: Logger.Level
    var message: String
    var metadata: [String: String]
  }
  private let state = Mutex<[Line]>([])

  var lines: [Line] { state.withLock { $0 } }

  func append(_ line: Line) { state.withLock { $0.append(line) } }

  var logger: Logger { Logger(label: "test", factory: { _ in Handler(log: self) }) }

  private struct Handler: LogHandler {
    let log: RecordingLog
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      let all = metadata.merging(event.metadata ?? [:]) { $1 }
      log.append(
        Line(level: event.level, message: "\(event.message)", metadata: all.mapValues { "\($0)" }))
    }
  }
}
