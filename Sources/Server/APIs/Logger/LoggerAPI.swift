import Daemon
package import GRPCCore
package import SPIREProtos

/// The service `spire.api.server.logger.v1.Logger`: the log level, changed while the server runs.
package struct LoggerAPI: Spire_Api_Server_Logger_V1_Logger.SimpleServiceProtocol {
  let server: ServerParts

  package init(_ server: ServerParts) { self.server = server }

  package func getLogger(
    request: Spire_Api_Server_Logger_V1_GetLoggerRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Logger {
    try APICall(context).info("GetLogger Called")
    return state
  }

  package func setLogLevel(
    request: Spire_Api_Server_Logger_V1_SetLogLevelRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Logger {
    var call = try APICall(context)
    guard request.newLevel != .unspecified else {
      throw call.failure(.invalidArgument, "newLevel value cannot be LogLevel_UNSPECIFIED")
    }
    guard let level = LogLevel(request.newLevel) else {
      throw call.failure(.invalidArgument, "unsupported log level")
    }
    call.audit(["new_log_level": level.rawValue])
    call.note("new_log_level", level.rawValue)
    call.info("SetLogLevel Called")
    server.logLevel.set(level)
    return state
  }

  package func resetLogLevel(
    request: Spire_Api_Server_Logger_V1_ResetLogLevelRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Logger {
    var call = try APICall(context)
    call.note("launch_log_level", server.logLevel.launch.rawValue)
    call.info("ResetLogLevel Called")
    server.logLevel.reset()
    return state
  }

  private var state: Spire_Api_Types_Logger {
    var message = Spire_Api_Types_Logger()
    message.currentLevel = server.logLevel.current.api
    message.launchLevel = server.logLevel.launch.api
    return message
  }
}

extension LogLevel {
  init?(_ message: Spire_Api_Types_LogLevel) {
    switch message {
    case .panic: self = .panic
    case .fatal: self = .fatal
    case .error: self = .error
    case .warn: self = .warning
    case .info: self = .info
    case .debug: self = .debug
    case .trace: self = .trace
    case .unspecified, .UNRECOGNIZED: return nil
    }
  }

  var api: Spire_Api_Types_LogLevel {
    switch self {
    case .panic: .panic
    case .fatal: .fatal
    case .error: .error
    case .warning: .warn
    case .info: .info
    case .debug: .debug
    case .trace: .trace
    }
  }
}
