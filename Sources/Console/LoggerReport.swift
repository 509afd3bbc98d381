import Daemon
package import Flags
package import SPIREProtos

/// The log level of a daemon as `logger get`, `set` and `reset` name and print it.
package enum LoggerReport {
  /// The level under one of the names that are accepted, in any case.
  package static func level(_ name: String) throws(CommandFailure) -> Spire_Api_Types_LogLevel {
    guard !name.isEmpty else { throw CommandFailure("a value (-level) must be set") }
    switch name.lowercased() {
    case "panic": return .panic
    case "fatal": return .fatal
    case "error": return .error
    case "warn", "warning": return .warn
    case "info": return .info
    case "debug": return .debug
    case "trace": return .trace
    default: throw CommandFailure("the value \(GoText.quote(name)) is not a valid setting")
    }
  }

  package static func print(_ logger: Spire_Api_Types_Logger, io: CommandIO) {
    io.print("Logger Level : \(name(logger.currentLevel))")
    io.print("Launch Level : \(name(logger.launchLevel))")
    io.print()
  }

  private static func name(_ level: Spire_Api_Types_LogLevel) -> String {
    switch level {
    case .panic: "panic"
    case .fatal: "fatal"
    case .error: "error"
    case .warn: "warning"
    case .info: "info"
    case .debug: "debug"
    case .trace: "trace"
    case .unspecified: "unspecified"
    case .UNRECOGNIZED(let number): "unknown (\(number))"
    }
  }
}
