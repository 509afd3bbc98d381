import Console
import Flags
import SPIREProtos

/// `localauthority x509 show`: shows the X.509 authorities in their three states.
struct LocalAuthorityX509Show: ServerCommand {
  typealias Options = PlainServerOptions
  let name = "localauthority x509 show"
  let synopsis = "Shows the server's X.509 authorities"
  let examples = [
    CommandExample("The authorities and their IDs", "localauthority x509 show")
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let response: Spire_Api_Server_Localauthority_V1_GetX509AuthorityStateResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0)
          .getX509AuthorityState(.init())
      }
    } catch { throw CommandFailure("could not get X.509 authorities: \(error)") }
    options.output.print(response, to: io) {
      AuthorityReport.print(
        [
          ("Active", response.hasActive ? response.active : nil),
          ("Prepared", response.hasPrepared ? response.prepared : nil),
          ("Old", response.hasOld ? response.old : nil),
        ], .x509, io: io)
    }
  }
}
