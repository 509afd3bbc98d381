import FoundationEssentials
import Logging

/// Writes records as logrus' text formatter does: `time="…" level=info msg=Configured data_dir=/x`.
struct LogTextFormatter {
  let hasFractions: Bool

  func format(_ record: LogRecord) -> String {
    var line = "time=\"\(GoTime.rfc3339(record.time, nanos: hasFractions, isLocal: true))\""
    line += " level=\(LogLevel.name(of: record.level))"
    if !record.message.isEmpty { Self.append("msg", record.message, to: &line) }
    if let source = record.source {
      Self.append("func", source.function, to: &line)
      Self.append("file", source.file, to: &line)
    }
    for (key, value) in record.fields { Self.append(key, Self.text(value), to: &line) }
    return line + "\n"
  }

  private static func append(_ key: String, _ value: String, to line: inout String) {
    line += " \(key)="
    line += needsQuotes(value) ? GoText.quote(value) : value
  }

  static func needsQuotes(_ text: String) -> Bool {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "/"), UInt8(ascii: "@"), UInt8(ascii: "^"), UInt8(ascii: "+"):
        continue
      default: return true
      }
    }
    return false
  }

  /// A value as Go's `%v` prints it: `[a b]`, `map[a:1]`.
  static func text(_ value: Logger.MetadataValue) -> String {
    switch value {
    case .string(let text): return text
    case .stringConvertible(let value):
      if let number = value as? Double { return GoText.float(number) }
      return value.description
    case .array(let values): return "[" + values.map { text($0) }.joined(separator: " ") + "]"
    case .dictionary(let values):
      return "map[" + values.sorted { $0.key < $1.key }.map { "\($0.key):\(text($0.value))" }.joined(separator: " ")
        + "]"
    }
  }
}
