import Authority
package import GRPCCore
package import SPIREProtos

extension LocalAuthorityAPI {
  package func getX509AuthorityState(
    request: Spire_Api_Server_Localauthority_V1_GetX509AuthorityStateRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_GetX509AuthorityStateResponse {
    let call = try APICall(context)
    let authorities = try await perform(call) { try await server.caManager.x509Authorities() }
    var response = Spire_Api_Server_Localauthority_V1_GetX509AuthorityStateResponse()
    response.active = authorities.active.api
    if let prepared = authorities.prepared { response.prepared = prepared.api }
    if let old = authorities.old { response.old = old.api }
    return response
  }
}
