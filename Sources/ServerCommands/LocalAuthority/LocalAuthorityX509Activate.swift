import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority x509 activate`: signs with the prepared X.509 authority from now on.
struct LocalAuthorityX509Activate: ServerCommand {
  typealias Options = AuthorityOptions
  let name = "localauthority x509 activate"
  let synopsis = "Activates the prepared X.509 authority"
  let details = """
    Of the steps show, prepare, activate, taint and revoke this is the third: the prepared authority signs from now on, \
    and the one that did becomes old.
    """
  let examples = [
    CommandExample(
      "Activate what was prepared",
      "localauthority x509 activate -authorityID 1dd515e64959aa19e6bf44838201dcef62c85cf9")
  ]
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
