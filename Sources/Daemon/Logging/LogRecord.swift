import FoundationEssentials
import Logging

/// One log record before it becomes text. Made and used by ``LogSink`` within one call.
struct LogRecord {
  let time: Date
  let level: Logger.Level
  let message: String
  /// Sorted by key; keys that clash with the record's own are renamed as logrus does (`fields.time`).
  let fields: [(key: String, value: Logger.MetadataValue)]
  /// Where the record was made, if that is logged: the function, and `file:line`.
  let source: (function: String, file: String)?

  init(
    time: Date, level: Logger.Level, message: String, metadata: Logger.Metadata,
    source: (function: String, file: String)?
  ) {
    self.time = time
    self.level = level
    // logrus strips one newline from the end on terminals only; a record is one line everywhere here.
    self.message = message
    self.source = source
    var fields: [(key: String, value: Logger.MetadataValue)] = []
    fields.reserveCapacity(metadata.count)
    for (key, value) in metadata {
      let clashes =
        switch key {
        case "time", "msg", "level": true
        case "func", "file": source != nil
        default: false
        }
      fields.append((clashes ? "fields." + key : key, value))
    }
    self.fields = fields.sorted { $0.key < $1.key }
  }
}
