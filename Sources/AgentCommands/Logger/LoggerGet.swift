import Console
import Flags
import SPIREProtos

/// `logger get`: shows the agent's log level.
struct LoggerGet: AdminCommand {
  typealias Options = PlainAdminOptions
  let name = "logger get"
  let synopsis = "Shows the agent's log level and the one it was started with"
  let details = """
    Needs `admin_socket_path` in the agent's configuration.
    """
  let examples = [
    CommandExample("The level now and at the start", "logger get")
  ]

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws {
    let logger: Spire_Api_Types_Logger
    do {
      logger = try await agent.call {
        try await Spire_Api_Agent_Logger_V1_Logger.Client(wrapping: $0).getLogger(.init())
      }
    } catch { throw CommandFailure("failed to get logger: \(error)") }
    options.output.print(logger, to: io) { LoggerReport.print(logger, io: io) }
  }
}
