import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority jwt revoke`: takes a JWT authority out of the bundle.
struct LocalAuthorityJWTRevoke: ServerCommand {
  typealias Options = AuthorityOptions
  let name = "localauthority jwt revoke"
  let synopsis = "Revokes a JWT authority"
  let details = """
    What the authority signed is no longer accepted by anybody who has the new bundle. Taint it first, so that all of \
    it is replaced before.
    """
  let examples = [
    CommandExample(
      "Take an old authority out of the bundle",
      "localauthority jwt revoke -authorityID MSibt0CKzhz7r988XJjnfcPGkw12l2zW")
  ]
  let ownFlags = AuthorityOptions.flags("revoke")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.required()
    let response: Spire_Api_Server_Localauthority_V1_RevokeJWTAuthorityResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0)
          .revokeJWTAuthority(.with { $0.authorityID = id })
      }
    } catch { throw CommandFailure("could not revoke JWT authority: \(error)") }
    options.output.print(response, to: io) {
      AuthorityReport.print("Revoked", response.revokedAuthority, .jwt, io: io)
    }
  }
}
