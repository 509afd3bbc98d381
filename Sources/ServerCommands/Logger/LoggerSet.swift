import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `logger set`: changes the server's log level until it is set again or the server restarts.
struct LoggerSet: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var level = ""
  }

  let name = "logger set"
  let synopsis = "Changes the server's log level while it runs"
  let examples = [
    CommandExample("See more", "logger set -level debug")
  ]
  let ownFlags: [Flag<Options>] = [
    .string("level", \.level, "The new level: panic, fatal, error, warn, info, debug or trace").takes(.logLevel)
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let level = try LoggerReport.level(options.level)
    let logger: Spire_Api_Types_Logger
    do {
      logger = try await server.call {
        try await Spire_Api_Server_Logger_V1_Logger.Client(wrapping: $0).setLogLevel(.with { $0.newLevel = level })
      }
    } catch { throw CommandFailure("failed to set log level: \(error)") }
    options.output.print(logger, to: io) { LoggerReport.print(logger, io: io) }
  }
}
