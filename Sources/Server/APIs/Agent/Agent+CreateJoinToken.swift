import Daemon
import DatastoreAPI
import FoundationEssentials
package import GRPCCore
import Logging
import SPIFFE
package import SPIREProtos

extension AgentAPI {
  /// Makes a token for one attestation and, with an agent ID, the alias entry that gives the agent that ID.
  package func createJoinToken(
    request: Spire_Api_Server_Agent_V1_CreateJoinTokenRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_JoinToken {
    var call = try APICall(context)
    call.audit(["ttl": .value(request.ttl)])
    guard request.ttl >= 1 else {
      throw call.failure(.invalidArgument, "ttl is required, you must provide one")
    }
    var alias: SPIFFEID?
    if request.hasAgentID {
      // Before the token is stored, so that a bad ID leaves nothing behind.
      do {
        let id = try APIIdentity.workload(request.agentID, of: server.trustDomain)
        alias = id
        call.audit(["spiffe_id": id.description])
        call.note("spiffe_id", id.description)
      } catch {
        throw call.failure(.invalidArgument, "invalid agent ID", error)
      }
    }
    let value = request.token.isEmpty ? RandomUUID.text() : request.token
    let parent: SPIFFEID
    do {
      parent = try JoinTokenAttestation.agentID(token: value, trustDomain: server.trustDomain)
    } catch {
      throw call.failure(.internalError, "failed to create join token ID", error)
    }
    let token = JoinToken(
      value: value, expiresAt: Int64(server.time.now.timeIntervalSince1970) + Int64(request.ttl))
    do {
      try await server.datastore.createJoinToken(token)
    } catch {
      throw call.failure(.internalError, "failed to create token", error)
    }
    if let alias { try await createAlias(alias, parent: parent, call) }
    var response = Spire_Api_Types_JoinToken()
    response.value = token.value
    response.expiresAt = token.expiresAt
    return response
  }

  private func createAlias(_ id: SPIFFEID, parent: SPIFFEID, _ call: APICall) async throws {
    let entry = RegistrationEntry(
      spiffeID: id, parentID: parent, selectors: [Selector(type: "spiffe_id", value: parent.description)])
    do {
      _ = try await server.datastore.createEntry(entry)
    } catch {
      throw call.failure(.internalError, "failed to create join token registration entry", error)
    }
  }
}
