import Console
import Flags
import SPIREProtos

/// `localauthority jwt show`: shows the JWT authorities in their three states.
struct LocalAuthorityJWTShow: ServerCommand {
  typealias Options = PlainServerOptions
  let name = "localauthority jwt show"
  let synopsis = "Shows the server's JWT authorities"
  let examples = [
    CommandExample("The authorities and their IDs", "localauthority jwt show")
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let response: Spire_Api_Server_Localauthority_V1_GetJWTAuthorityStateResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0)
          .getJWTAuthorityState(.init())
      }
    } catch { throw CommandFailure("could not get JWT authorities: \(error)") }
    options.output.print(response, to: io) {
      AuthorityReport.print(
        [
          ("Active", response.hasActive ? response.active : nil),
          ("Prepared", response.hasPrepared ? response.prepared : nil),
          ("Old", response.hasOld ? response.old : nil),
        ], .jwt, io: io)
    }
  }
}
