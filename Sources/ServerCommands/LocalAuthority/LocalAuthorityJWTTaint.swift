import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority jwt taint`: has everything that a JWT authority signed replaced.
struct LocalAuthorityJWTTaint: ServerCommand {
  typealias Options = AuthorityOptions
  let name = "localauthority jwt taint"
  let synopsis = "Taints a JWT authority"
  let details = """
    Agents replace every SVID that the authority signed. Only an old authority can be tainted.
    """
  let examples = [
    CommandExample("Taint the old authority", "localauthority jwt taint -authorityID MSibt0CKzhz7r988XJjnfcPGkw12l2zW")
  ]
  let ownFlags = AuthorityOptions.flags("taint")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.required()
    let response: Spire_Api_Server_Localauthority_V1_TaintJWTAuthorityResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0)
          .taintJWTAuthority(.with { $0.authorityID = id })
      }
    } catch { throw CommandFailure("could not taint JWT authority: \(error)") }
    options.output.print(response, to: io) {
      AuthorityReport.print("Tainted", response.taintedAuthority, .jwt, io: io)
    }
  }
}
