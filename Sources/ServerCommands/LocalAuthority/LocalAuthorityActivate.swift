import Console
import Flags
import GRPCCore
import SPIREProtos
import SwiftProtobuf

/// `localauthority x509|jwt activate`: signs with the prepared authority from now on.
struct LocalAuthorityActivate: ServerCommand {
  struct Options: ServerOptions, PrintingOptions {
    var socket = ServerSocket()
    var output = OutputChoice()
    var authorityID = ""
    var force = false
  }

  let kind: AuthorityReport.Kind
  var name: String { "localauthority \(kind.word) activate" }
  var synopsis: String { "Activates the prepared \(kind.rawValue) authority" }
  var details: String {
    """
    Of the steps show, prepare, activate, taint and revoke this is the third: the prepared authority signs from now on, \
    and the one that did becomes old. While agents have not confirmed that they have the new one in their bundles, the \
    server refuses after ten seconds, and names them: what the authority signs would not be accepted there.
    """
  }
  var examples: [CommandExample] {
    [CommandExample("Activate what was prepared", "\(name) -authorityID \(kind.exampleID)")]
  }
  let ownFlags: [Flag<Options>] = [
    .string("authorityID", \.authorityID, "ID of the authority to activate, as the show command prints it"),
    .bool("force", \.force, "Activate it also if agents have not confirmed that they have it"),
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    if options.authorityID.isEmpty { throw CommandFailure("an authority ID is required") }
    let id = options.authorityID
    let failure = "could not activate \(kind.rawValue) authority"
    if options.force {
      try await force(id, server, failure, options, io)
    } else {
      try await activate(id, server, failure, options, io)
    }
  }

  private func force(
    _ id: String, _ server: UnixAPI, _ failure: String, _ options: Options, _ io: CommandIO
  ) async throws {
    do {
      let response = try await RotationClient.activate(server, kind, id: id, force: true)
      // The output is that of the plain activation.
      switch kind {
      case .x509: report(.with { $0.activatedAuthority = response } as X509Response, response, options, io)
      case .jwt: report(.with { $0.activatedAuthority = response } as JWTResponse, response, options, io)
      }
    } catch let error as CallFailure where error.code == .unimplemented {
      // Another implementation, which asks nobody.
      try await activate(id, server, failure, options, io)
    } catch { throw CommandFailure("\(failure): \(error)") }
  }

  private typealias X509Response = Spire_Api_Server_Localauthority_V1_ActivateX509AuthorityResponse
  private typealias JWTResponse = Spire_Api_Server_Localauthority_V1_ActivateJWTAuthorityResponse

  private func activate(
    _ id: String, _ server: UnixAPI, _ failure: String, _ options: Options, _ io: CommandIO
  ) async throws {
    switch kind {
    case .x509:
      let response = try await LocalAuthorityClient.call(server, failure) {
        try await $0.activateX509Authority(.with { $0.authorityID = id })
      }
      report(response, response.activatedAuthority, options, io)
    case .jwt:
      let response = try await LocalAuthorityClient.call(server, failure) {
        try await $0.activateJWTAuthority(.with { $0.authorityID = id })
      }
      report(response, response.activatedAuthority, options, io)
    }
  }

  private func report(
    _ response: any ProtoJSON, _ authority: AuthorityReport.Authority, _ options: Options, _ io: CommandIO
  ) {
    options.output.print(response, to: io) { AuthorityReport.print("Activated", authority, kind, io: io) }
  }
}
