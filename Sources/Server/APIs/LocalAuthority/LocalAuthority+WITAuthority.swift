import Authority
package import GRPCCore
package import SPIREProtos

/// WIT authorities, with the feature flag `wit-svid`. Without it, and upstream with it too, the answer is Unimplemented;
/// the rules are those of JWT authorities.
extension LocalAuthorityAPI {
  package func getWITAuthorityState(
    request: Spire_Api_Server_Localauthority_V1_GetWITAuthorityStateRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_GetWITAuthorityStateResponse {
    let authorities = try await perform(try APICall(context)) { try await server.caManager.authorities(.wit) }
    var response = Spire_Api_Server_Localauthority_V1_GetWITAuthorityStateResponse()
    response.active = authorities.active.api
    if let prepared = authorities.prepared { response.prepared = prepared.api }
    if let old = authorities.old { response.old = old.api }
    return response
  }

  package func prepareWITAuthority(
    request: Spire_Api_Server_Localauthority_V1_PrepareWITAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_PrepareWITAuthorityResponse {
    let call = try APICall(context)
    let prepared = try await perform(call) { try await server.caManager.prepareAuthority(.wit) }
    call.audit(["local_authority_id": prepared.authorityID])
    var response = Spire_Api_Server_Localauthority_V1_PrepareWITAuthorityResponse()
    response.preparedAuthority = prepared.api
    return response
  }

  package func activateWITAuthority(
    request: Spire_Api_Server_Localauthority_V1_ActivateWITAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_ActivateWITAuthorityResponse {
    let activated = try await perform(try APICall(context), id: request.authorityID) {
      try await server.caManager.activateAuthority(.wit, id: request.authorityID)
    }
    var response = Spire_Api_Server_Localauthority_V1_ActivateWITAuthorityResponse()
    response.activatedAuthority = activated.api
    return response
  }

  package func taintWITAuthority(
    request: Spire_Api_Server_Localauthority_V1_TaintWITAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_TaintWITAuthorityResponse {
    let tainted = try await perform(try APICall(context), id: request.authorityID) {
      try await server.caManager.taintAuthority(.wit, id: request.authorityID)
    }
    var response = Spire_Api_Server_Localauthority_V1_TaintWITAuthorityResponse()
    response.taintedAuthority = tainted.api
    return response
  }

  package func revokeWITAuthority(
    request: Spire_Api_Server_Localauthority_V1_RevokeWITAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_RevokeWITAuthorityResponse {
    let revoked = try await perform(try APICall(context), id: request.authorityID) {
      try await server.caManager.revokeAuthority(.wit, id: request.authorityID)
    }
    var response = Spire_Api_Server_Localauthority_V1_RevokeWITAuthorityResponse()
    response.revokedAuthority.authorityID = revoked
    return response
  }
}
