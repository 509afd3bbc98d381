import Console
import Flags
import SPIREProtos

/// `localauthority x509|jwt prepare`: makes a new authority that can be activated later.
struct LocalAuthorityPrepare: ServerCommand {
  typealias Options = PlainServerOptions

  let kind: AuthorityReport.Kind
  var name: String { "localauthority \(kind.word) prepare" }
  var synopsis: String { "Prepares a new \(kind.rawValue) authority" }
  var details: String {
    """
    The new authority is in the bundle at once, and signs only after `localauthority \(kind.word) activate`. Leave the agents \
    time to receive the bundle in between.
    """
  }
  var examples: [CommandExample] { [CommandExample("Prepare", name)] }

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let failure = "could not prepare \(kind.rawValue) authority"
    switch kind {
    case .x509:
      let response = try await LocalAuthorityClient.call(server, failure) { try await $0.prepareX509Authority(.init()) }
      options.output.print(response, to: io) {
        AuthorityReport.print("Prepared", response.preparedAuthority, kind, io: io)
      }
    case .jwt:
      let response = try await LocalAuthorityClient.call(server, failure) { try await $0.prepareJWTAuthority(.init()) }
      options.output.print(response, to: io) {
        AuthorityReport.print("Prepared", response.preparedAuthority, kind, io: io)
      }
    }
  }
}
