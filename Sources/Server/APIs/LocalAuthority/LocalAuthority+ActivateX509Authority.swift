import Authority
package import GRPCCore
package import SPIREProtos

extension LocalAuthorityAPI {
  package func activateX509Authority(
    request: Spire_Api_Server_Localauthority_V1_ActivateX509AuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_ActivateX509AuthorityResponse {
    let activated = try await perform(try APICall(context), id: request.authorityID) {
      try await server.activate(.x509, id: request.authorityID)
    }
    var response = Spire_Api_Server_Localauthority_V1_ActivateX509AuthorityResponse()
    response.activatedAuthority = activated.api
    return response
  }
}
