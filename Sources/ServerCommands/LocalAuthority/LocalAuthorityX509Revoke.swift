import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority x509 revoke`: takes an X.509 authority out of the bundle.
struct LocalAuthorityX509Revoke: ServerCommand {
  typealias Options = AuthorityOptions
  let name = "localauthority x509 revoke"
  let synopsis = "Revokes an X.509 authority"
  let details = """
    What the authority signed is no longer accepted by anybody who has the new bundle. Taint it first, so that all of \
    it is replaced before.
    """
  let examples = [
    CommandExample(
      "Take an old authority out of the bundle",
      "localauthority x509 revoke -authorityID 1dd515e64959aa19e6bf44838201dcef62c85cf9")
  ]
  let ownFlags = AuthorityOptions.flags("revoke")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.required()
    let response: Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0)
          .revokeX509Authority(.with { $0.authorityID = id })
      }
    } catch { throw CommandFailure("could not revoke X.509 authority: \(error)") }
    options.output.print(response, to: io) {
      AuthorityReport.print("Revoked", response.revokedAuthority, .x509, io: io)
    }
  }
}
