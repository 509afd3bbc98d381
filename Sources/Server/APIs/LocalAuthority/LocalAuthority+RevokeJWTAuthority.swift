import Authority
package import GRPCCore
package import SPIREProtos

extension LocalAuthorityAPI {
  package func revokeJWTAuthority(
    request: Spire_Api_Server_Localauthority_V1_RevokeJWTAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_RevokeJWTAuthorityResponse {
    let revoked = try await perform(try APICall(context), id: request.authorityID) {
      try await server.caManager.revokeJWTAuthority(id: request.authorityID)
    }
    var response = Spire_Api_Server_Localauthority_V1_RevokeJWTAuthorityResponse()
    response.revokedAuthority.authorityID = revoked
    return response
  }
}
