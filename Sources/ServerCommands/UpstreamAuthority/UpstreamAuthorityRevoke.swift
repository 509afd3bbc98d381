package import Console
import Flags
package import SPIREProtos
import SwiftProtobuf

/// `upstreamauthority revoke`: takes an upstream authority out of the bundle.
struct UpstreamAuthorityRevoke: ServerCommand {
  typealias Options = UpstreamAuthorityOptions
  let name = "upstreamauthority revoke"
  let synopsis = "Revokes an X.509 authority of the upstream CA"
  let examples = [
    CommandExample(
      "By its subject key ID",
      "upstreamauthority revoke -subjectKeyID 1dd515e64959aa19e6bf44838201dcef62c85cf9")
  ]
  let ownFlags = UpstreamAuthorityOptions.flags("revoke")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.required()
    let response: Spire_Api_Server_Localauthority_V1_RevokeX509UpstreamAuthorityResponse
    do {
      response = try await server.call {
        try await Spire_Api_Server_Localauthority_V1_LocalAuthority.Client(wrapping: $0)
          .revokeX509UpstreamAuthority(.with { $0.subjectKeyID = id })
      }
    } catch { throw CommandFailure("could not revoke X.509 upstream authority: \(error)") }
    options.output.print(response, to: io) {
      io.print("Revoked X.509 upstream authority:")
      io.print("  Subject Key ID: \(response.upstreamAuthoritySubjectKeyID)")
    }
  }
}

extension Spire_Api_Server_Localauthority_V1_RevokeX509UpstreamAuthorityResponse: ProtoJSONMessage {
  package var members: [String: (any ProtoJSON)?] {
    ["upstream_authority_subject_key_id": upstreamAuthoritySubjectKeyID]
  }
}
