import DatastoreAPI
package import GRPCCore
package import SPIREProtos

extension AgentAPI {
  package func listAgents(
    request: Spire_Api_Server_Agent_V1_ListAgentsRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Agent_V1_ListAgentsResponse {
    let call = try APICall(context)
    let mask = request.hasOutputMask ? request.outputMask : .all
    let filter = request.hasFilter ? try call.agentFilter(request.filter) : .all
    let page = request.pageSize > 0 ? Page(size: Int(request.pageSize), token: request.pageToken) : nil
    let listing: Listing<AttestedNode>
    do {
      listing = try await server.datastore.listAgents(filter, page: page, withSelectors: mask.selectors)
    } catch {
      throw call.failure(.internalError, "failed to list agents", error)
    }
    var response = Spire_Api_Server_Agent_V1_ListAgentsResponse()
    response.agents = listing.items.map { $0.api(mask: mask) }
    response.nextPageToken = listing.nextToken
    return response
  }
}
