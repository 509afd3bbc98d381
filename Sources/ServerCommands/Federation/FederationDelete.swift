import Console
import Daemon
import Flags
import SPIREProtos
import SwiftProtobuf

/// `federation delete`: stops fetching the bundle of a trust domain.
struct FederationDelete: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var id = ""
  }

  let name = "federation delete"
  let synopsis = "Deletes a federation relationship"
  let examples = [
    CommandExample("Stop fetching", "federation delete -id partner.test")
  ]
  let ownFlags: [Flag<Options>] = [.string("id", \.id, "Name of the trust domain").takes(.trustDomain)]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    if options.id.isEmpty { throw CommandFailure("id is required") }
    let response: Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Trustdomain_V1_TrustDomain.Client(wrapping: $0)
          .batchDeleteFederationRelationship(.with { $0.trustDomains = [options.id] })
      }
    } catch { throw CommandFailure("failed to delete federation relationship: \(error)") }
    try options.output.print(response, to: io) {
      for result in response.results where result.status.code != 0 {
        throw CommandFailure(
          "failed to delete federation relationship \(GoText.quote(result.trustDomain)): \(result.status.message)")
      }
      io.print("federation relationship deleted.")
    }
  }
}
