import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `federation create`: makes the server fetch the bundles of other trust domains.
struct FederationCreate: ServerCommand {
  typealias Options = FederationOptions
  let name = "federation create"
  let synopsis = "Creates federation relationships"
  let details = """
    With `-data` the relationships come from a JSON file, `{"federationRelationships": [...]}`, whose members are \
    `trustDomain`, `bundleEndpointURL`, `bundleEndpointProfile`, `endpointSPIFFEID`, `trustDomainBundle` (a string with PEM, \
    or the SPIFFE bundle as an object) and `trustDomainBundleFormat`.
    """
  let examples = [
    CommandExample(
      "A bundle endpoint with a certificate of a public CA",
      """
      federation create -trustDomain partner.test \\
        -bundleEndpointURL https://partner.test/bundle -bundleEndpointProfile https_web
      """),
    CommandExample(
      "A bundle endpoint that proves itself with an SVID",
      """
      federation create -trustDomain partner.test -bundleEndpointURL https://partner.test:8443 \\
        -bundleEndpointProfile https_spiffe \\
        -endpointSpiffeID spiffe://partner.test/spire/server \\
        -trustDomainBundlePath partner.json -trustDomainBundleFormat spiffe
      """),
  ]
  let ownFlags = FederationOptions.flags

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    try await FederationChange(verb: "create").run(options, server: server, io: io) { client, relationships in
      try await client.batchCreateFederationRelationship(.with { $0.federationRelationships = relationships })
    }
  }
}
