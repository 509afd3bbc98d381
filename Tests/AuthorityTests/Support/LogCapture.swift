import Logging
import Synchronization

/// Keeps log lines as `level message key=value …`, keys sorted.
final class LogCapture: Sendable {
  private let stored = Mutex<[String]>([])

  var lines: [String] { stored.withLock { $0 } }
  /// The messages alone.
  var messages: [String] { lines.map { $0.split(separator: "|")[1].description } }

  func line(_ message: String) -> String? { lines.last { $0.split(separator: "|")[1] == message } }

  var logger: Logger { Logger(label: "test") { _ in Handler(capture: self) } }

  private struct Handler: LogHandler {
    let capture: LogCapture
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
      let fields = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
      capture.stored.withLock { $0.append("\(event.level)|\(event.message)|\(fields)") }
    }
  }
}
