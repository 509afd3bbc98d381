import DatastoreAPI
package import GRPCCore
package import SPIREProtos

extension AgentAPI {
  package func countAgents(
    request: Spire_Api_Server_Agent_V1_CountAgentsRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Agent_V1_CountAgentsResponse {
    let call = try APICall(context)
    let filter = request.hasFilter ? try call.agentFilter(request.filter) : .all
    var response = Spire_Api_Server_Agent_V1_CountAgentsResponse()
    do {
      response.count = Int32(clamping: try await server.datastore.countAgents(filter))
    } catch {
      throw call.failure(.internalError, "failed to count agents", error)
    }
    return response
  }
}
