import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension AgentAPI {
  /// Notes the version of the calling agent.
  package func postStatus(
    request: Spire_Api_Server_Agent_V1_PostStatusRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Agent_V1_PostStatusResponse {
    var call = try APICall(context)
    let id = try call.requireCallerID()
    call.audit(["spiffe_id": id.description, "agent_version": request.agentVersion])
    call.note("spiffe_id", id.description)
    call.note("agent_version", request.agentVersion)
    try await call.limitRate("rejecting request due to post status rate limiting")
    guard request.agentVersion.unicodeScalars.count <= 255 else {
      throw call.failure(.invalidArgument, "agent version is too long (max 255 characters)")
    }
    do {
      let status = AttestedNode(
        id: id, attestationType: "", serialNumber: "", expiresAt: 0, agentVersion: request.agentVersion)
      _ = try await server.datastore.updateAgent(status, mask: .agentVersion)
    } catch  where error.code == .notFound {
      throw call.failure(.notFound, "agent not found", error)
    } catch {
      throw call.failure(.internalError, "failed to update agent", error)
    }
    call.debug("Agent status updated")
    return Spire_Api_Server_Agent_V1_PostStatusResponse()
  }
}
