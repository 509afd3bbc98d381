import DatastoreAPI
package import GRPCCore
package import SPIREProtos
package import SwiftProtobuf

extension AgentAPI {
  /// Bans an agent: its row stays without serial numbers, so that its calls and its attestation are refused.
  package func banAgent(
    request: Spire_Api_Server_Agent_V1_BanAgentRequest, context: ServerContext
  ) async throws -> Google_Protobuf_Empty {
    var call = try APICall(context)
    let id = try call.agentID(request.hasID ? request.id : nil, in: server.trustDomain)
    do {
      let banned = AttestedNode(id: id, attestationType: "", serialNumber: "", expiresAt: 0)
      _ = try await server.datastore.updateAgent(banned, mask: [.serialNumber, .newSerialNumber])
    } catch  where error.code == .notFound {
      throw call.failure(.notFound, "agent not found", error)
    } catch {
      throw call.failure(.internalError, "failed to ban agent", error)
    }
    call.info("Agent banned")
    return Google_Protobuf_Empty()
  }
}
