import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension AgentAPI {
  package func getAgent(
    request: Spire_Api_Server_Agent_V1_GetAgentRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Agent {
    var call = try APICall(context)
    let id = try call.agentID(request.hasID ? request.id : nil, in: server.trustDomain)
    let node: AttestedNode?
    do {
      node = try await server.datastore.fetchAgent(id: id)
    } catch {
      throw call.failure(.internalError, "failed to fetch agent", error)
    }
    guard var node else { throw call.failure(.notFound, "agent not found") }
    let mask = request.hasOutputMask ? request.outputMask : .all
    if mask.selectors {
      do {
        node.selectors = try await server.datastore.nodeSelectors(of: id)
      } catch {
        throw call.failure(.internalError, "failed to get selectors from agent", error)
      }
    }
    return node.api(mask: mask)
  }
}

extension APICall {
  /// The agent that a request names; noted in the log and the audit record.
  mutating func agentID(
    _ message: Spire_Api_Types_SPIFFEID?, in domain: TrustDomain
  ) throws -> SPIFFEID {
    let id: SPIFFEID
    do {
      id = try APIIdentity.agent(message, of: domain)
    } catch {
      throw failure(.invalidArgument, "invalid agent ID", error)
    }
    audit(["spiffe_id": id.description])
    note("spiffe_id", id.description)
    return id
  }
}
