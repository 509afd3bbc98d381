import Authority
package import GRPCCore
package import SPIREProtos

extension LocalAuthorityAPI {
  package func activateJWTAuthority(
    request: Spire_Api_Server_Localauthority_V1_ActivateJWTAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_ActivateJWTAuthorityResponse {
    let activated = try await perform(try APICall(context), id: request.authorityID) {
      try await server.activate(.jwt, id: request.authorityID)
    }
    var response = Spire_Api_Server_Localauthority_V1_ActivateJWTAuthorityResponse()
    response.activatedAuthority = activated.api
    return response
  }
}
