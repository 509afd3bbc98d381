import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `federation update`: replaces federation relationships.
struct FederationUpdate: ServerCommand {
  typealias Options = FederationOptions
  let name = "federation update"
  let synopsis = "Updates federation relationships"
  let details = """
    The file of `-data` has the form that `federation create` takes.
    """
  let examples = [
    CommandExample(
      "Change the endpoint",
      """
      federation update -trustDomain partner.test \\
        -bundleEndpointURL https://bundles.partner.test -bundleEndpointProfile https_web
      """)
  ]
  let ownFlags = FederationOptions.flags

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let relationships = try options.relationships(io)
    var response: Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Trustdomain_V1_TrustDomain.Client(wrapping: $0)
          .batchUpdateFederationRelationship(.with { $0.federationRelationships = relationships })
      }
    } catch { throw CommandFailure("request failed: \(error)") }
    // A relationship that the server refused is not in its answer: it is the one that was sent.
    for index in response.results.indices.prefix(relationships.count) where response.results[index].status.code != 0 {
      response.results[index].federationRelationship = relationships[index]
    }
    try options.output.print(response, to: io) {
      try FederationReport.print(
        response.results.map { FederationResult(status: $0.status, relationship: $0.federationRelationship) },
        verb: "update", io: io)
    }
  }
}
