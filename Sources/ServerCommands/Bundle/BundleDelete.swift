import Console
import Daemon
import Flags
import SPIREProtos
import SwiftProtobuf

/// `bundle delete`: removes the bundle of another trust domain.
struct BundleDelete: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var id = ""
    var mode = "restrict"
  }

  let name = "bundle delete"
  let synopsis = "Deletes the bundle of a federated trust domain"
  let examples = [
    CommandExample(
      "Delete a bundle, and take the trust domain out of the entries that federate with it",
      "bundle delete -id partner.test -mode dissociate")
  ]
  let ownFlags: [Flag<Options>] = [
    .string("id", \.id, "Name of the trust domain").takes(.trustDomain),
    .string(
      "mode", \.mode,
      "What happens to entries that federate with it: restrict (refuse while there are any), delete, or dissociate"
    ).takes(.oneOf(["restrict", "delete", "dissociate"])),
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    if options.id.isEmpty { throw CommandFailure("id is required") }
    let mode = try Self.mode(options.mode)
    let response: Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: $0).batchDeleteFederatedBundle(
          .with {
            $0.trustDomains = [options.id]
            $0.mode = mode
          })
      }
    } catch { throw CommandFailure("failed to delete federated bundle: \(error)") }
    try options.output.print(response, to: io) {
      for result in response.results where result.status.code != 0 {
        throw CommandFailure(
          "failed to delete federated bundle \(GoText.quote(result.trustDomain)): \(result.status.message)")
      }
      io.print("bundle deleted.")
    }
  }

  private static func mode(
    _ name: String
  ) throws(CommandFailure) -> Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleRequest.Mode {
    switch name {
    case "restrict": return .restrict
    case "delete": return .delete
    case "dissociate": return .dissociate
    default: throw CommandFailure("unsupported mode \(GoText.quote(name))")
    }
  }
}
