import Logging
import Synchronization

/// Keeps log records for tests to look at.
final class LogCapture: Sendable {
  struct Record: Sendable, CustomStringConvertible {
    let level: Logger.Level
    let message: String
    let fields: [String: String]
    var description: String { "\(level) \(message) \(fields)" }
  }

  private let stored = Mutex<[Record]>([])

  var records: [Record] { stored.withLock { $0 } }

  func first(_ message: String) -> Record? { records.first { $0.message == message } }
  func all(_ message: String) -> [Record] { records.filter { $0.message == message } }

  var logger: Logger {
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
