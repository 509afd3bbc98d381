import Daemon
import Logging
import Synchronization

/// Collects log records.
final class TestLog: Sendable {
  struct Record: Sendable {
    let level: Logger.Level
    let message: String
    let fields: [String: String]
  }

  private let records = Mutex<[Record]>([])

  var all: [Record] { records.withLock { $0 } }
  var messages: [String] { all.map(\.message) }

  var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(log: self) }
    logger.logLevel = .trace
    return logger
  }

  private struct Handler: LogHandler {
    let log: TestLog
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let fields = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
      log.records.withLock { $0.append(Record(level: event.level, message: "\(event.message)", fields: fields)) }
    }
  }
}

/// Collects counters: `rpc.health.check status=OK`.
final class TestMetrics: MetricsSink {
  private let counters = Mutex<[String]>([])

  var all: [String] { counters.withLock { $0 } }
  var metrics: Metrics { Metrics(sinks: [self]) }

  func incrementCounter(_ key: [String], by value: Double, labels: [MetricLabel]) {
    let text = ([key.joined(separator: ".")] + labels.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
    counters.withLock { $0.append(text) }
  }

  func setGauge(_ key: [String], to value: Double, labels: [MetricLabel]) {}
  func addSample(_ key: [String], _ value: Double, labels: [MetricLabel]) {}
}
