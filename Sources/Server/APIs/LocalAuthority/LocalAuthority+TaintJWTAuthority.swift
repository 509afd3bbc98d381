import Authority
package import GRPCCore
package import SPIREProtos

extension LocalAuthorityAPI {
  package func taintJWTAuthority(
    request: Spire_Api_Server_Localauthority_V1_TaintJWTAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_TaintJWTAuthorityResponse {
    let tainted = try await perform(try APICall(context), id: request.authorityID) {
      try await server.caManager.taintJWTAuthority(id: request.authorityID)
    }
    var response = Spire_Api_Server_Localauthority_V1_TaintJWTAuthorityResponse()
    response.taintedAuthority = tainted.api
    return response
  }
}
