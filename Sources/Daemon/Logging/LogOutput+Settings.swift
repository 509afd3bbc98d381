package import Logging

extension LogOutput {
  /// The log that the configuration asks for.
  ///
  /// - Throws: ``LogWriter/OpenError`` when the log file cannot be opened.
  package init(_ settings: LogSettings, time: any TimeSource = SystemTime()) throws(LogWriter.OpenError) {
    let writer: LogWriter
    if let file = settings.file { writer = try LogWriter(path: file) } else { writer = .standardOutput }
    self.init(
      writer: writer, format: settings.format, level: LogLevelControl(launch: settings.level),
      hasSourceLocation: settings.sourceLocation, time: time)
  }
}

extension Logger {
  /// Writes what the configuration had to say before there was a log.
  package func log(_ notices: [ConfigurationNotice]) {
    for notice in notices {
      let fields = Logger.Metadata(uniqueKeysWithValues: notice.fields.map { ($0.key, .string($0.value)) })
      switch notice.level {
      case .warning: warning("\(notice.message)", metadata: fields)
      case .error: error("\(notice.message)", metadata: fields)
      }
    }
  }
}
