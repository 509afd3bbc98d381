import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority x509 activate`: signs with the prepared X.509 authority from now on.
struct LocalAuthorityX509Activate: ServerCommand {
  typealias Options = AuthorityOptions
  let name = "localauthority x509 activate"
  let synopsis = "Activates the prepared X.509 authority"
  let ownFlags = AuthorityOptions.flags("activate")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.required()
    let response: Spire_Api_Server_Localauthority_V1_ActivateX509AuthorityResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0)
          .activateX509Authority(.with { $0.authorityID = id })
      }
    } catch { throw CommandFailure("could not activate X.509 authority: \(error)") }
    options.output.print(response, to: io) {
      AuthorityReport.print("Activated", response.activatedAuthority, .x509, io: io)
    }
  }
}
