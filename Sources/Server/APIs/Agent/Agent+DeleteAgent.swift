import DatastoreAPI
package import GRPCCore
package import SPIREProtos
package import SwiftProtobuf

extension AgentAPI {
  /// Removes an agent; it may attest again if its attestor allows. The datastore also removes the alias entry that
  /// came with a join token.
  package func deleteAgent(
    request: Spire_Api_Server_Agent_V1_DeleteAgentRequest, context: ServerContext
  ) async throws -> Google_Protobuf_Empty {
    var call = try APICall(context)
    let id = try call.agentID(request.hasID ? request.id : nil, in: server.trustDomain)
    do {
      _ = try await server.datastore.deleteAgent(id: id)
    } catch  where error.code == .notFound {
      throw call.failure(.notFound, "agent not found", error)
    } catch {
      throw call.failure(.internalError, "failed to remove agent", error)
    }
    call.info("Agent deleted")
    return Google_Protobuf_Empty()
  }
}
