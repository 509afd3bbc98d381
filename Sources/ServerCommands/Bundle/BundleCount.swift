import Console
import Flags
import SPIREProtos

/// `bundle count`: counts the bundles that the server holds, its own one included.
struct BundleCount: ServerCommand {
  typealias Options = PlainServerOptions
  let name = "bundle count"
  let synopsis = "Counts bundles"

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let response = try await server.call {
      try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: $0).countBundles(.init())
    }
    options.output.print(response, to: io) { io.print(count(response.count, "bundle", "bundles")) }
  }
}
