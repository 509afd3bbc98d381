package import Logging

/// The log levels by upstream's names (`log_level`, the logger API).
package enum LogLevel: String, CaseIterable, Sendable {
  case panic, fatal, error, warning, info, debug, trace

  /// Reads a level by its name in any case; `warn` is `warning`.
  ///
  /// - Throws: ``UnknownLevel`` with upstream's text.
  package init(parsing text: String) throws(UnknownLevel) {
    let name = text.lowercased()
    guard let level = name == "warn" ? .warning : LogLevel(rawValue: name) else { throw UnknownLevel(text: text) }
    self = level
  }

  package struct UnknownLevel: Error, Equatable, CustomStringConvertible {
    package let text: String
    package var description: String { "not a valid logrus Level: \(GoText.quote(text))" }
  }

  /// The least severe level that is written.
  package var threshold: Logger.Level {
    switch self {
    case .panic, .fatal: .critical
    case .error: .error
    case .warning: .warning
    case .info: .info
    case .debug: .debug
    case .trace: .trace
    }
  }

  /// The name that a record of `level` carries.
  static func name(of level: Logger.Level) -> String {
    switch level {
    case .trace: "trace"
    case .debug: "debug"
    case .info, .notice: "info"
    case .warning: "warning"
    case .error: "error"
    case .critical: "fatal"
    }
  }
}
