import Console
import Flags
import SPIREProtos

/// `bundle show`: prints the server's own bundle.
struct BundleShow: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var format = "pem"
  }

  let name = "bundle show"
  let synopsis = "Prints the bundle of the server's trust domain"
  let ownFlags: [Flag<Options>] = [.string("format", \.format, "Form of the bundle: pem or spiffe")]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let format = try BundleFormat(name: options.format)
    let bundle = try await server.call {
      try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: $0).getBundle(.init())
    }
    try options.output.print(bundle, to: io) { io.out(try format.text(bundle)) }
  }
}
