import Console
import Daemon
import Flags
import GRPCCore
import RPC
import SPIREProtos

/// What `federation create` and `federation update` have in common: relationships from flags or a file go to the server in
/// one call, and each has an answer of its own.
struct FederationChange {
  typealias Client = Spire_Api_Server_Trustdomain_V1_TrustDomain.Client<ReconnectingTransport>
  typealias Relationship = Spire_Api_Types_FederationRelationship

  /// What is done to them, as messages name it.
  let verb: String

  func run<Response: FederationChangeResponse>(
    _ options: FederationOptions, server: UnixAPI, io: CommandIO,
    call: @Sendable (Client, [Relationship]) async throws -> Response
  ) async throws {
    let relationships = try options.relationships(io)
    let response: Response
    do {
      response = try await server.call { try await call(Client(wrapping: $0), relationships) }
    } catch { throw CommandFailure("request failed: \(error)") }
    try options.output.print(response, to: io) {
      // A relationship that the server refused is not in its answer: it is the one that was sent.
      var results = response.results
      for index in results.indices.prefix(relationships.count) where results[index].status.code != 0 {
        results[index].federationRelationship = relationships[index]
      }
      try report(results, io)
    }
  }

  /// Prints the relationships that were stored, then those that were not, with the reason.
  private func report(_ results: [some FederationChangeResult], _ io: CommandIO) throws(CommandFailure) {
    for result in results where result.status.code == 0 {
      io.out("\n" + FederationReport.text(result.federationRelationship))
    }
    let failed = results.filter { $0.status.code != 0 }
    for result in failed {
      io.out("\n")
      io.printError(
        "Failed to \(verb) the following federation relationship "
          + "(code: \(statusName(result.status.code)), msg: \(GoText.quote(result.status.message))):")
      io.err(FederationReport.text(result.federationRelationship))
    }
    if !failed.isEmpty { throw CommandFailure("failed to \(verb) one or more federation relationships") }
  }
}

/// The answer of one of the two methods.
protocol FederationChangeResponse: ProtoJSONMessage, Sendable {
  associatedtype Item: FederationChangeResult
  var results: [Item] { get }
}

/// What became of one relationship.
protocol FederationChangeResult {
  var status: Spire_Api_Types_Status { get }
  var federationRelationship: Spire_Api_Types_FederationRelationship { get set }
}

extension Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse: FederationChangeResponse {}
extension Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse.Result: FederationChangeResult {}
extension Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipResponse: FederationChangeResponse {}
extension Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipResponse.Result: FederationChangeResult {}
