import Foundation
import Logging
import Testing

@testable import Daemon

/// Every line that the established implementation logged must come out of our formatter byte by byte.
@Suite(.enabled(if: RecordedData.isThere)) struct RecordedLogTests {
  @Test(arguments: ["server.log", "agent.log"])
  func recordedLinesAreReproduced(_ name: String) throws {
    let recorded = try String(contentsOfFile: (RecordedData.folder ?? "") + "/" + name, encoding: .utf8)
      .split(separator: "\n").map(String.init)
    #expect(recorded.count > 50)
    let folder = try TestFolder()
    for line in recorded {
      let fields = Self.parse(line)
      let time = try #require(GoTime.parseRFC3339(fields["time"] ?? ""))
      let log = LogOutput(
        writer: try LogWriter(path: folder.file(name)), format: .automatic, level: LogLevelControl(launch: .trace),
        time: TestTime(time))
      let level = try LogLevel(parsing: fields["level"] ?? "").threshold
      var metadata: Logger.Metadata = [:]
      for (key, value) in fields where !["time", "level", "msg"].contains(key) { metadata[key] = "\(value)" }
      log.logger.log(level: level, "\(fields["msg"] ?? "")", metadata: metadata)
    }
    #expect(try folder.lines(name) == recorded)
  }

  /// Splits `key=value key="quoted \"value\""`.
  static func parse(_ line: String) -> [String: String] {
    var fields: [String: String] = [:]
    var rest = Substring(line)
    while let equals = rest.firstIndex(of: "=") {
      let key = String(rest[..<equals])
      rest = rest[rest.index(after: equals)...]
      if rest.first == "\"" {
        var value = ""
        rest = rest.dropFirst()
        while let character = rest.first, character != "\"" {
          rest = rest.dropFirst()
          if character == "\\", let escaped = rest.first {
            value.append(escaped)
            rest = rest.dropFirst()
          } else {
            value.append(character)
          }
        }
        fields[key] = value
        rest = rest.dropFirst(2)
      } else {
        let value = rest.prefix { $0 != " " }
        fields[key] = String(value)
        rest = rest.dropFirst(value.count + 1)
      }
    }
    return fields
  }
}
