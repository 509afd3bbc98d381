package import Logging

/// A daemon's log: makes its loggers. One per process, made first and handed down.
///
/// ```swift
/// let log = LogOutput(writer: .standardOutput, format: .automatic, level: LogLevelControl(launch: .info))
/// let logger = log.logger                              // no subsystem
/// let manager = logger.with(subsystem: "ca_manager")   // subsystem_name=ca_manager
/// manager.info("X509 CA prepared", metadata: ["slot": "A", "ttl": .stringConvertible(86399.5)])
/// ```
///
/// Texts and key names are upstream's. Numbers go in as `.stringConvertible`, so that JSON keeps them numbers.
package struct LogOutput: Sendable {
  package let level: LogLevelControl
  private let sink: LogSink

  /// - Parameters:
  ///   - hasSourceLocation: adds `func` and `file` (`log_source_location`).
  package init(
    writer: LogWriter, format: LogFormat, level: LogLevelControl, hasSourceLocation: Bool = false,
    time: any TimeSource = SystemTime()
  ) {
    self.level = level
    sink = LogSink(writer: writer, format: format, hasSourceLocation: hasSourceLocation, time: time)
  }

  /// A logger without fields of its own.
  package var logger: Logger {
    Logger(label: "spire") { _ in LogHandlerForSink(sink: sink, control: level) }
  }

  /// Opens the log file anew (SIGUSR2); does nothing for standard output.
  package func reopen() throws(LogWriter.OpenError) { try sink.writer.reopen() }

  /// Whether the log goes to a file.
  package var hasFile: Bool { sink.writer.path != nil }
}

extension Logger {
  /// This logger with the field `subsystem_name`.
  package func with(subsystem: String) -> Logger {
    var copy = self
    copy[metadataKey: "subsystem_name"] = .string(subsystem)
    return copy
  }

  /// This logger with more fields.
  package func with(_ fields: Logger.Metadata) -> Logger {
    var copy = self
    for (key, value) in fields { copy[metadataKey: key] = value }
    return copy
  }
}
