import Console
import Flags
import SPIREProtos

/// `localauthority x509|jwt show`: shows the authorities of a kind in their three states.
struct LocalAuthorityShow: ServerCommand {
  typealias Options = PlainServerOptions

  let kind: AuthorityReport.Kind
  var name: String { "localauthority \(kind.word) show" }
  var synopsis: String { "Shows the server's \(kind.rawValue) authorities" }
  var examples: [CommandExample] { [CommandExample("The authorities and their IDs", name)] }

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let failure = "could not get \(kind.rawValue) authorities"
    switch kind {
    case .x509:
      let response = try await LocalAuthorityClient.call(server, failure) {
        try await $0.getX509AuthorityState(.init())
      }
      options.output.print(response, to: io) {
        report(
          response.hasActive ? response.active : nil, response.hasPrepared ? response.prepared : nil,
          response.hasOld ? response.old : nil, io)
      }
    case .jwt:
      let response = try await LocalAuthorityClient.call(server, failure) { try await $0.getJWTAuthorityState(.init()) }
      options.output.print(response, to: io) {
        report(
          response.hasActive ? response.active : nil, response.hasPrepared ? response.prepared : nil,
          response.hasOld ? response.old : nil, io)
      }
    }
  }

  private func report(
    _ active: AuthorityReport.Authority?, _ prepared: AuthorityReport.Authority?, _ old: AuthorityReport.Authority?,
    _ io: CommandIO
  ) { AuthorityReport.print([("Active", active), ("Prepared", prepared), ("Old", old)], kind, io: io) }
}
