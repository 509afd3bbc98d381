import Console
import Flags
import SPIREProtos

/// `logger get`: shows the server's log level.
struct LoggerGet: ServerCommand {
  typealias Options = PlainServerOptions
  let name = "logger get"
  let synopsis = "Shows the server's log level and the one it was started with"
  let examples = [
    CommandExample("The level now and at the start", "logger get")
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let logger: Spire_Api_Types_Logger
    do {
      logger = try await server.call {
        try await Spire_Api_Server_Logger_V1_Logger.Client(wrapping: $0).getLogger(.init())
      }
    } catch { throw CommandFailure("failed to get logger: \(error)") }
    options.output.print(logger, to: io) { LoggerReport.print(logger, io: io) }
  }
}
