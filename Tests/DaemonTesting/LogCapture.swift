package import Logging
import Synchronization

/// Keeps log records for tests to look at: those of every level, with the logger's own fields.
package final class LogCapture: Sendable {
  package struct Record: Sendable, CustomStringConvertible {
    package let level: Logger.Level
    package let message: String
    package let fields: [String: String]

    package var description: String { "\(level) \(message) \(fields)" }
    /// `message key=value …`, sorted by keys.
    package var line: String {
      ([message] + fields.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(separator: " ")
    }
  }

  private let stored = Mutex<[Record]>([])

  package init() {}

  package var records: [Record] { stored.withLock { $0 } }
  package var messages: [String] { records.map(\.message) }
  package var lines: [String] { records.map(\.line) }
  /// All of it, for what must not be in there.
  package var text: String { lines.joined(separator: "\n") }

  package func first(_ message: String) -> Record? { records.first { $0.message == message } }
  package func all(_ message: String) -> [Record] { records.filter { $0.message == message } }

  package var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(capture: self) }
    logger.logLevel = .trace
    return logger
  }

  private struct Handler: LogHandler {
    let capture: LogCapture
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let fields = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
      capture.stored.withLock {
        $0.append(Record(level: event.level, message: event.message.description, fields: fields))
      }
    }
  }
}
