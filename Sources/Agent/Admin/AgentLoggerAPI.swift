import Daemon
package import GRPCCore
import Logging
package import RPC
package import SPIREProtos

/// The service `spire.api.agent.logger.v1.Logger`: the log level, changed while the agent runs.
package struct AgentLoggerAPI: Spire_Api_Agent_Logger_V1_Logger.SimpleServiceProtocol {
  /// Whoever reaches the socket may call.
  package static let policies = Spire_Api_Agent_Logger_V1_Logger.Method.descriptors.map {
    MethodPolicy($0, callers: .local, audit: .none)
  }

  private let level: LogLevelControl
  private let connections: APIConnections

  package init(_ parts: AdminParts) {
    level = parts.logLevel
    connections = APIConnections("logger_api", metrics: parts.metrics)
  }

  package func getLogger(
    request: Spire_Api_Agent_Logger_V1_GetLoggerRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Logger {
    let call = try context.call
    return await connections.counted {
      call.logger.info("GetLogger Called")
      return state
    }
  }

  package func setLogLevel(
    request: Spire_Api_Agent_Logger_V1_SetLogLevelRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Logger {
    let call = try context.call
    return try await connections.counted {
      guard request.newLevel != .unspecified else {
        throw call.failure(.invalidArgument, "newLevel value cannot be LogLevel_UNSPECIFIED")
      }
      guard let (new, _) = Self.levels.first(where: { $0.wire == request.newLevel }) else {
        throw call.failure(.invalidArgument, "unsupported log level")
      }
      call.logger.info("SetLogLevel Called", metadata: ["new_log_level": "\(new.rawValue)"])
      level.set(new)
      return state
    }
  }

  package func resetLogLevel(
    request: Spire_Api_Agent_Logger_V1_ResetLogLevelRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Logger {
    let call = try context.call
    return await connections.counted {
      call.logger.info("ResetLogLevel Called", metadata: ["launch_log_level": "\(level.launch.rawValue)"])
      level.reset()
      return state
    }
  }

  private static let levels: [(level: LogLevel, wire: Spire_Api_Types_LogLevel)] = [
    (.panic, .panic), (.fatal, .fatal), (.error, .error), (.warning, .warn), (.info, .info), (.debug, .debug),
    (.trace, .trace),
  ]

  private var state: Spire_Api_Types_Logger {
    func wire(_ level: LogLevel) -> Spire_Api_Types_LogLevel {
      Self.levels.first { $0.level == level }?.wire ?? .unspecified
    }
    var message = Spire_Api_Types_Logger()
    message.currentLevel = wire(level.current)
    message.launchLevel = wire(level.launch)
    return message
  }
}
