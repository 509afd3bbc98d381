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
    try await FederationChange(verb: "update").run(options, server: server, io: io) { client, relationships in
      try await client.batchUpdateFederationRelationship(.with { $0.federationRelationships = relationships })
    }
  }
}
