import Authority
import DatastoreAPI
package import GRPCCore
import RPC
import SPIFFE
package import SPIREProtos

extension AgentAPI {
  /// Signs the calling agent's next SVID. It becomes the current one when the agent first uses it.
  package func renewAgent(
    request: Spire_Api_Server_Agent_V1_RenewAgentRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Agent_V1_RenewAgentResponse {
    var call = try APICall(context)
    if request.hasParams { call.audit(["csr": AuditValue.sha256(request.params.csr)]) }
    let id = try call.requireCallerID()
    call.note("spiffe_id", id.description)
    try await call.limitRate("rejecting request due to renew agent rate limiting")
    try await requireRenewable(id, call)
    guard request.hasParams else { throw call.failure(.invalidArgument, "params cannot be nil") }
    guard !request.params.csr.isEmpty else { throw call.failure(.invalidArgument, "missing CSR") }
    let svid = try await sign(csr: [UInt8](request.params.csr), agent: id, call)
    do {
      let renewed = AttestedNode(
        id: id, attestationType: "", serialNumber: "", expiresAt: 0, newSerialNumber: svid.serialNumber,
        newExpiresAt: svid.expiresAt)
      _ = try await server.datastore.updateAgent(renewed, mask: [.newSerialNumber, .newExpiresAt])
    } catch {
      throw call.failure(.internalError, "failed to update agent", error)
    }
    call.info("Renewing agent SVID")
    var response = Spire_Api_Server_Agent_V1_RenewAgentResponse()
    response.svid = svid.api
    return response
  }

  /// Refuses agents that are to attest again, and those that are gone. Before a refusal the datastore is asked.
  private func requireRenewable(_ id: SPIFFEID, _ call: APICall) async throws {
    if let known = server.entries.agent(id), !known.canReattest { return }
    let node: AttestedNode?
    do {
      node = try await server.datastore.fetchAgent(id: id)
    } catch {
      throw call.failure(.internalError, "failed to fetch agent", error)
    }
    guard let node else { throw call.failure(.notFound, "agent not found") }
    guard !node.canReattest else {
      throw call.failure(.permissionDenied, "agent must reattest instead of renew", reason: .agentMustReattest)
    }
  }

  /// Parses the CSR (whose own signature is not asked for: the channel has proved the caller) and signs an agent SVID.
  func sign(csr: [UInt8], agent id: SPIFFEID, _ call: APICall) async throws -> IssuedX509SVID {
    let parsed: CSR
    do {
      parsed = try CSR(der: csr)
    } catch {
      throw call.failure(.invalidArgument, "failed to parse CSR", error)
    }
    do {
      return try await server.authority.issueAgentSVID(id: id, publicKey: parsed.publicKey)
    } catch {
      throw call.failure(.internalError, "failed to sign X509 SVID", error)
    }
  }
}
