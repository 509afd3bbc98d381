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
  let details = """
    PEM holds the X.509 authorities only; the SPIFFE form has the JWT authorities too.
    """
  let examples = [
    CommandExample("What an agent needs as trust_bundle_path", "bundle show > bundle.pem"),
    CommandExample("For another trust domain", "bundle show -format spiffe > example.json"),
  ]
  let ownFlags: [Flag<Options>] = [
    .string("format", \.format, "Form of the bundle: pem or spiffe").takes(.bundleFormat)
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let format = try BundleFormat(name: options.format)
    let bundle = try await server.call {
      try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: $0).getBundle(.init())
    }
    try options.output.print(bundle, to: io) { io.out(try format.text(bundle)) }
  }
}
