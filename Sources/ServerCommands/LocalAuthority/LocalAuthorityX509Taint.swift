import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority x509 taint`: has everything that an X.509 authority signed replaced.
struct LocalAuthorityX509Taint: ServerCommand {
  typealias Options = AuthorityOptions
  let name = "localauthority x509 taint"
  let synopsis = "Taints an X.509 authority"
  let details = """
    Agents replace every SVID that the authority signed. Only an old authority can be tainted.
    """
  let examples = [
    CommandExample(
      "Taint the old authority",
      "localauthority x509 taint -authorityID 1dd515e64959aa19e6bf44838201dcef62c85cf9")
  ]
  let ownFlags = AuthorityOptions.flags("taint")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.required()
    let response: Spire_Api_Server_Localauthority_V1_TaintX509AuthorityResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0)
          .taintX509Authority(.with { $0.authorityID = id })
      }
    } catch { throw CommandFailure("could not taint X.509 authority: \(error)") }
    options.output.print(response, to: io) {
      AuthorityReport.print("Tainted", response.taintedAuthority, .x509, io: io)
    }
  }
}
