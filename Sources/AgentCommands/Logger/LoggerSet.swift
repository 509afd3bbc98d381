import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `logger set`: changes the agent's log level until it is set again or the agent restarts.
struct LoggerSet: AdminCommand {
  struct Options: AdminOptions, PrintingOptions {
    var socket = AdminSocket()
    var output = OutputChoice()
    var level = ""
  }

  let name = "logger set"
  let synopsis = "Changes the agent's log level while it runs"
  let details = """
    Needs `admin_socket_path` in the agent's configuration.
    """
  let examples = [
    CommandExample("See more", "logger set -level debug")
  ]
  let ownFlags: [Flag<Options>] = [
    .string("level", \.level, "The new level: panic, fatal, error, warn, info, debug or trace").takes(.logLevel)
  ]

  func run(_ options: Options, agent: UnixAPI, io: CommandIO) async throws {
    let level = try LoggerReport.level(options.level)
    let logger: Spire_Api_Types_Logger
    do {
      logger = try await agent.call {
        try await Spire_Api_Agent_Logger_V1_Logger.Client(wrapping: $0).setLogLevel(.with { $0.newLevel = level })
      }
    } catch { throw CommandFailure("failed to set log level: \(error)") }
    options.output.print(logger, to: io) { LoggerReport.print(logger, io: io) }
  }
}
