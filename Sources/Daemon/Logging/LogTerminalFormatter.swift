import FoundationEssentials
import Logging

/// Writes records for eyes, as logrus does on a terminal: `INFO[0003] Configured     data_dir=/x`, in colour.
struct LogTerminalFormatter {
  let start: Date

  func format(_ record: LogRecord) -> String {
    let colour: Int
    switch record.level {
    case .trace, .debug: colour = 37
    case .info, .notice: colour = 36
    case .warning: colour = 33
    case .error, .critical: colour = 31
    }
    let level = LogLevel.name(of: record.level).uppercased().prefix(4)
    let elapsed = String(max(0, Int(record.time.timeIntervalSince(start))))
    var message = Substring(record.message)
    if message.last == "\n" { message.removeLast() }
    // Messages hold what others sent, in the text of an error: it must not move the cursor, or begin a line.
    if message.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      message = GoText.quote(String(message))[...]
    }
    var line =
      "\u{1b}[\(colour)m\(level)\u{1b}[0m[\(String(repeating: "0", count: max(0, 4 - elapsed.count)))\(elapsed)]"
    if let source = record.source { line += "\(source.file) \(source.function)" }
    line += " \(message)\(String(repeating: " ", count: max(0, 44 - message.count))) "
    for (key, value) in record.fields {
      let text = LogTextFormatter.text(value)
      line += " \u{1b}[\(colour)m\(key)\u{1b}[0m=\(LogTextFormatter.needsQuotes(text) ? GoText.quote(text) : text)"
    }
    return line + "\n"
  }
}
