import Authority
package import GRPCCore
package import SPIREProtos

extension LocalAuthorityAPI {
  package func getJWTAuthorityState(
    request: Spire_Api_Server_Localauthority_V1_GetJWTAuthorityStateRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_GetJWTAuthorityStateResponse {
    let call = try APICall(context)
    let authorities = try await perform(call) { try await server.caManager.jwtAuthorities() }
    var response = Spire_Api_Server_Localauthority_V1_GetJWTAuthorityStateResponse()
    response.active = authorities.active.api
    if let prepared = authorities.prepared { response.prepared = prepared.api }
    if let old = authorities.old { response.old = old.api }
    return response
  }
}
