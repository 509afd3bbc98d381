import Authority
package import GRPCCore
package import SPIREProtos

extension LocalAuthorityAPI {
  package func prepareJWTAuthority(
    request: Spire_Api_Server_Localauthority_V1_PrepareJWTAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_PrepareJWTAuthorityResponse {
    let call = try APICall(context)
    let prepared = try await perform(call) { try await server.caManager.prepareJWTAuthority() }
    call.audit(["local_authority_id": prepared.authorityID])
    var response = Spire_Api_Server_Localauthority_V1_PrepareJWTAuthorityResponse()
    response.preparedAuthority = prepared.api
    return response
  }
}
