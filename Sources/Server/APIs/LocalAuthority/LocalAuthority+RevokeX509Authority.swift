import Authority
package import GRPCCore
package import SPIREProtos

extension LocalAuthorityAPI {
  package func revokeX509Authority(
    request: Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityResponse {
    let revoked = try await perform(try APICall(context), id: request.authorityID) {
      try await server.caManager.revokeX509Authority(id: request.authorityID)
    }
    var response = Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityResponse()
    response.revokedAuthority = revoked.api
    return response
  }
}
