import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `federation show`: shows how the server fetches the bundle of one trust domain.
struct FederationShow: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var trustDomain = ""
  }

  let name = "federation show"
  let synopsis = "Shows a federation relationship"
  let examples = [
    CommandExample("One relationship", "federation show -trustDomain partner.test")
  ]
  let ownFlags: [Flag<Options>] = [
    .string("trustDomain", \.trustDomain, "Name of the trust domain").takes(.trustDomain)
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    if options.trustDomain.isEmpty { throw CommandFailure("a trust domain name is required") }
    let relationship: Spire_Api_Types_FederationRelationship
    do {
      relationship = try await server.call {
        try await Spire_Api_Server_Trustdomain_V1_TrustDomain.Client(wrapping: $0)
          .getFederationRelationship(.with { $0.trustDomain = options.trustDomain })
      }
    } catch { throw CommandFailure("error showing federation relationship: \(error)") }
    options.output.print(relationship, to: io) {
      io.print("Found a federation relationship with trust domain \(relationship.trustDomain):\n")
      io.out(FederationReport.text(relationship))
    }
  }
}
