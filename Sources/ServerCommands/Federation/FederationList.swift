import Console
import Flags
import SPIREProtos
import SwiftProtobuf

/// `federation list`: lists the trust domains whose bundles the server fetches.
struct FederationList: ServerCommand {
  typealias Options = PlainServerOptions
  let name = "federation list"
  let synopsis = "Lists federation relationships"
  let examples = [
    CommandExample("All relationships", "federation list")
  ]

  func run(_ options: Options, server: UnixAPI, io: CommandIO) async throws {
    let response: Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsResponse
    do { response = try await Self.list(server) } catch {
      throw CommandFailure("error listing federation relationships: \(error)")
    }
    let found = response.federationRelationships
    options.output.print(response, to: io) {
      io.print("Found \(count(found.count, "federation relationship", "federation relationships"))")
      for relationship in found { io.out("\n" + FederationReport.text(relationship)) }
    }
  }

  private static func list(
    _ server: UnixAPI
  ) async throws -> Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsResponse {
    try await server.call { client in
      var all = Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsResponse()
      var token = ""
      repeat {
        let page = try await Spire_Api_Server_Trustdomain_V1_TrustDomain.Client(wrapping: client)
          .listFederationRelationships(.with { $0.pageToken = token })
        all.federationRelationships += page.federationRelationships
        token = page.nextPageToken
      } while !token.isEmpty
      return all
    }
  }
}
