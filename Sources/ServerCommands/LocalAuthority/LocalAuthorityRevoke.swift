import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority x509|jwt revoke`: takes an authority out of the bundle.
struct LocalAuthorityRevoke: ServerCommand {
  typealias Options = AuthorityOptions

  let kind: AuthorityReport.Kind
  var name: String { "localauthority \(kind.word) revoke" }
  var synopsis: String { "Revokes \(kind.article) \(kind.rawValue) authority" }
  let details = """
    What the authority signed is no longer accepted by anybody who has the new bundle. Taint it first, so that all of \
    it is replaced before.
    """
  var examples: [CommandExample] {
    [CommandExample("Take an old authority out of the bundle", "\(name) -authorityID \(kind.exampleID)")]
  }
  let ownFlags = AuthorityOptions.flags("revoke")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.required()
    let failure = "could not revoke \(kind.rawValue) authority"
    switch kind {
    case .x509:
      let response = try await LocalAuthorityClient.call(server, failure) {
        try await $0.revokeX509Authority(.with { $0.authorityID = id })
      }
      options.output.print(response, to: io) {
        AuthorityReport.print("Revoked", response.revokedAuthority, kind, io: io)
      }
    case .jwt:
      let response = try await LocalAuthorityClient.call(server, failure) {
        try await $0.revokeJWTAuthority(.with { $0.authorityID = id })
      }
      options.output.print(response, to: io) {
        AuthorityReport.print("Revoked", response.revokedAuthority, kind, io: io)
      }
    }
  }
}
