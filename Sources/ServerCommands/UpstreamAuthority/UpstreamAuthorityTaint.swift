package import Console
import Flags
package import SPIREProtos
import SwiftProtobuf

/// `upstreamauthority taint`: has everything that chains to an upstream authority replaced.
struct UpstreamAuthorityTaint: ServerCommand {
  typealias Options = UpstreamAuthorityOptions
  let name = "upstreamauthority taint"
  let synopsis = "Taints an X.509 authority of the upstream CA"
  let examples = [
    CommandExample(
      "By its subject key ID",
      "upstreamauthority taint -subjectKeyID 1dd515e64959aa19e6bf44838201dcef62c85cf9")
  ]
  let ownFlags = UpstreamAuthorityOptions.flags("taint")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.required()
    let response: Spire_Api_Server_Localauthority_V1_TaintX509UpstreamAuthorityResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0)
          .taintX509UpstreamAuthority(.with { $0.subjectKeyID = id })
      }
    } catch { throw CommandFailure("could not taint X.509 upstream authority: \(error)") }
    options.output.print(response, to: io) {
      io.print("Tainted X.509 upstream authority:")
      io.print("  Subject Key ID: \(response.upstreamAuthoritySubjectKeyID)")
    }
  }
}

extension Spire_Api_Server_Localauthority_V1_TaintX509UpstreamAuthorityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["upstream_authority_subject_key_id": upstreamAuthoritySubjectKeyID]
  }
}
