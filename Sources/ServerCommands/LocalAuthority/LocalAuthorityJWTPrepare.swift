import Console
import Flags
import SPIREProtos

/// `localauthority jwt prepare`: makes a new JWT authority that can be activated later.
struct LocalAuthorityJWTPrepare: ServerCommand {
  typealias Options = PlainServerOptions
  let name = "localauthority jwt prepare"
  let synopsis = "Prepares a new JWT authority"
  let details = """
    The new authority is in the bundle at once, and signs only after `localauthority jwt activate`. Leave the agents time \
    to receive the bundle in between.
    """
  let examples = [
    CommandExample("Prepare", "localauthority jwt prepare")
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let response: Spire_Api_Server_Localauthority_V1_PrepareJWTAuthorityResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0).prepareJWTAuthority(.init())
      }
    } catch { throw CommandFailure("could not prepare JWT authority: \(error)") }
    options.output.print(response, to: io) {
      AuthorityReport.print("Prepared", response.preparedAuthority, .jwt, io: io)
    }
  }
}
