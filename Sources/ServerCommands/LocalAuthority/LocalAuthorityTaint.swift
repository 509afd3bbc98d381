import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `localauthority x509|jwt taint`: has everything that an authority signed replaced.
struct LocalAuthorityTaint: ServerCommand {
  typealias Options = AuthorityOptions

  let kind: AuthorityReport.Kind
  var name: String { "localauthority \(kind.word) taint" }
  var synopsis: String { "Taints \(kind.article) \(kind.rawValue) authority" }
  let details = """
    Agents replace every SVID that the authority signed. Only an old authority can be tainted.
    """
  var examples: [CommandExample] {
    [CommandExample("Taint the old authority", "\(name) -authorityID \(kind.exampleID)")]
  }
  let ownFlags = AuthorityOptions.flags("taint")

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let id = try options.required()
    let failure = "could not taint \(kind.rawValue) authority"
    switch kind {
    case .x509:
      let response = try await LocalAuthorityClient.call(server, failure) {
        try await $0.taintX509Authority(.with { $0.authorityID = id })
      }
      options.output.print(response, to: io) {
        AuthorityReport.print("Tainted", response.taintedAuthority, kind, io: io)
      }
    case .jwt:
      let response = try await LocalAuthorityClient.call(server, failure) {
        try await $0.taintJWTAuthority(.with { $0.authorityID = id })
      }
      options.output.print(response, to: io) {
        AuthorityReport.print("Tainted", response.taintedAuthority, kind, io: io)
      }
    }
  }
}
