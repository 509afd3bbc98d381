import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority jwt activate`: signs with the prepared JWT authority from now on.
struct LocalAuthorityJWTActivate: ServerCommand {
  typealias Options = AuthorityOptions
  let name = "localauthority jwt activate"
  let synopsis = "Activates the prepared JWT authority"
  let ownFlags = AuthorityOptions.flags("activate")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.required()
    let response: Spire_Api_Server_Localauthority_V1_ActivateJWTAuthorityResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0)
          .activateJWTAuthority(.with { $0.authorityID = id })
      }
    } catch { throw CommandFailure("could not activate JWT authority: \(error)") }
    options.output.print(response, to: io) {
      AuthorityReport.print("Activated", response.activatedAuthority, .jwt, io: io)
    }
  }
}
