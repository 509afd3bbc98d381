import Console
import Flags
import SPIREProtos

/// `localauthority x509 prepare`: makes a new X.509 authority that can be activated later.
struct LocalAuthorityX509Prepare: ServerCommand {
  typealias Options = PlainServerOptions
  let name = "localauthority x509 prepare"
  let synopsis = "Prepares a new X.509 authority"
  let details = """
    The new authority is in the bundle at once, and signs only after `localauthority x509 activate`. Leave the agents time \
    to receive the bundle in between.
    """
  let examples = [
    CommandExample("Prepare", "localauthority x509 prepare")
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let response: Spire_Api_Server_Localauthority_V1_PrepareX509AuthorityResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0).prepareX509Authority(.init())
      }
    } catch { throw CommandFailure("could not prepare X.509 authority: \(error)") }
    options.output.print(response, to: io) {
      AuthorityReport.print("Prepared", response.preparedAuthority, .x509, io: io)
    }
  }
}
