import FoundationEssentials
import Logging

/// Writes records as logrus' JSON formatter does: one object per line, keys sorted, numbers and booleans as such.
struct LogJSONFormatter {
  func format(_ record: LogRecord) -> String {
    var members: [(key: String, value: String)] = [
      ("time", JSONText.string(GoTime.rfc3339(record.time, nanos: true, isLocal: true))),
      ("level", JSONText.string(LogLevel.name(of: record.level))),
      ("msg", JSONText.string(record.message)),
    ]
    if let source = record.source {
      members.append(("func", JSONText.string(source.function)))
      members.append(("file", JSONText.string(source.file)))
    }
    for (key, value) in record.fields { members.append((key, Self.json(value))) }
    members.sort { $0.key < $1.key }
    return "{" + members.map { JSONText.string($0.key) + ":" + $0.value }.joined(separator: ",") + "}\n"
  }

  private static func json(_ value: Logger.MetadataValue) -> String {
    switch value {
    case .string(let text): return JSONText.string(text)
    case .stringConvertible(let value):
      if let number = value as? Double { return number.isFinite ? GoText.float(number) : JSONText.string("\(number)") }
      if value is any BinaryInteger || value is Bool { return value.description }
      return JSONText.string(value.description)
    case .array(let values): return "[" + values.map { json($0) }.joined(separator: ",") + "]"
    case .dictionary(let values):
      let members = values.sorted { $0.key < $1.key }.map { JSONText.string($0.key) + ":" + json($0.value) }
      return "{" + members.joined(separator: ",") + "}"
    }
  }
}
