import Authority
package import GRPCCore
package import SPIREProtos

extension LocalAuthorityAPI {
  package func prepareX509Authority(
    request: Spire_Api_Server_Localauthority_V1_PrepareX509AuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_PrepareX509AuthorityResponse {
    let call = try APICall(context)
    let prepared = try await perform(call) { try await server.caManager.prepareX509Authority() }
    call.audit(["local_authority_id": prepared.authorityID])
    var response = Spire_Api_Server_Localauthority_V1_PrepareX509AuthorityResponse()
    response.preparedAuthority = prepared.api
    return response
  }
}
