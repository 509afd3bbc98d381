import Console
import Daemon
import Flags
import GRPCCore
import SPIREProtos
import SwiftProtobuf

/// `federation refresh`: has the server fetch the bundle of a trust domain now.
struct FederationRefresh: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var id = ""
    var force = false
  }

  let name = "federation refresh"
  let synopsis = "Fetches the bundle of a federated trust domain now"
  let examples = [
    CommandExample("Fetch the bundle now", "federation refresh -id partner.test"),
    CommandExample(
      "Take it although its sequence number went back: the partner's database was restored",
      "federation refresh -id partner.test -force"),
  ]
  let ownFlags: [Flag<Options>] = [
    .string("id", \.id, "Name of the trust domain").takes(.trustDomain),
    .bool("force", \.force, "Take the bundle also if it is older than the stored one"),
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    if options.id.isEmpty { throw CommandFailure("id is required") }
    let response: Google_Protobuf_Empty
    do {
      response = try await server.call {
        try await Spire_Api_Server_Trustdomain_V1_TrustDomain.Client(wrapping: $0)
          .refreshBundle(
            .with { $0.trustDomain = options.id }, metadata: options.force ? ["swift-spire-force": "true"] : [:])
      }
    } catch let failure as CallFailure where failure.code == .notFound {
      throw CommandFailure("there is no federation relationship with trust domain \(GoText.quote(options.id))")
    } catch { throw CommandFailure("failed to refresh bundle: \(error)") }
    options.output.print(response, to: io) { io.print("Bundle refreshed") }
  }
}
