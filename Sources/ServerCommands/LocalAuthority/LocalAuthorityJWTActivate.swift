import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority jwt activate`: signs with the prepared JWT authority from now on.
struct LocalAuthorityJWTActivate: ServerCommand {
  typealias Options = AuthorityOptions
  let name = "localauthority jwt activate"
  let synopsis = "Activates the prepared JWT authority"
  let details = """
    Of the steps show, prepare, activate, taint and revoke this is the third: the prepared authority signs from now on, \
    and the one that did becomes old.
    """
  let examples = [
    CommandExample(
      "Activate what was prepared",
      "localauthority jwt activate -authorityID MSibt0CKzhz7r988XJjnfcPGkw12l2zW")
  ]
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
