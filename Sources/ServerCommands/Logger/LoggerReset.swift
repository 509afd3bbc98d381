import Console
import Flags
import SPIREProtos

/// `logger reset`: returns to the log level that the server was started with.
struct LoggerReset: ServerCommand {
  typealias Options = PlainServerOptions
  let name = "logger reset"
  let synopsis = "Returns to the log level that the server was started with"
  let examples = [
    CommandExample("Back to the level of the configuration", "logger reset")
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let logger: Spire_Api_Types_Logger
    do {
      logger = try await server.call {
        try await Spire_Api_Server_Logger_V1_Logger.Client(wrapping: $0).resetLogLevel(.init())
      }
    } catch { throw CommandFailure("failed to reset logger: \(error)") }
    options.output.print(logger, to: io) { LoggerReport.print(logger, io: io) }
  }
}
