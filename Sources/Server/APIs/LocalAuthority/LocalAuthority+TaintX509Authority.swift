import Authority
package import GRPCCore
package import SPIREProtos

extension LocalAuthorityAPI {
  package func taintX509Authority(
    request: Spire_Api_Server_Localauthority_V1_TaintX509AuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_TaintX509AuthorityResponse {
    let tainted = try await perform(try APICall(context), id: request.authorityID) {
      try await server.caManager.taintX509Authority(id: request.authorityID)
    }
    // Whoever revokes next must not cut off the server's own endpoints.
    await server.serverSVID.rotateIfDue()
    var response = Spire_Api_Server_Localauthority_V1_TaintX509AuthorityResponse()
    response.taintedAuthority = tainted.api
    return response
  }
}
