import FoundationEssentials
import Logging

/// Turns log events into lines and writes them. Shared by all handlers of a ``LogOutput``.
final class LogSink: Sendable {
  let writer: LogWriter
  private let hasSourceLocation: Bool
  private let time: any TimeSource
  private let format: @Sendable (LogRecord) -> String

  init(writer: LogWriter, format: LogFormat, hasSourceLocation: Bool, time: any TimeSource) {
    self.writer = writer
    self.hasSourceLocation = hasSourceLocation
    self.time = time
    switch format {
    case .json:
      let formatter = LogJSONFormatter()
      self.format = { formatter.format($0) }
    case .automatic, .text:
      if writer.isTerminal {
        let formatter = LogTerminalFormatter(start: time.now)
        self.format = { formatter.format($0) }
      } else {
        let formatter = LogTextFormatter(hasFractions: format == .text)
        self.format = { formatter.format($0) }
      }
    }
  }

  func write(_ event: LogEvent, _ metadata: Logger.Metadata) {
    let source = hasSourceLocation ? (function: event.function, file: "\(event.file):\(event.line)") : nil
    let record = LogRecord(
      time: time.now, level: event.level, message: event.message.description, metadata: metadata, source: source)
    writer.write(format(record))
  }
}

/// swift-log's end of a ``LogSink``: the fields of one logger. A value, as swift-log asks.
struct LogHandlerForSink: LogHandler {
  let sink: LogSink
  let control: LogLevelControl
  private var ownLevel: Logger.Level?
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  init(sink: LogSink, control: LogLevelControl) {
    self.sink = sink
    self.control = control
  }

  /// The daemon's level, unless this logger was given one of its own.
  var logLevel: Logger.Level {
    get { ownLevel ?? control.loggerLevel }
    set { ownLevel = newValue }
  }

  subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields = metadata
    if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
    if let own = event.metadata { fields.merge(own) { $1 } }
    if let error = event.error, fields["error"] == nil { fields["error"] = "\(error)" }
    sink.write(event, fields)
  }
}
