import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority jwt revoke`: takes a JWT authority out of the bundle.
struct LocalAuthorityJWTRevoke: ServerCommand {
  typealias Options = AuthorityOptions
  let name = "localauthority jwt revoke"
  let synopsis = "Revokes a JWT authority"
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
