package import GRPCCore
package import SPIREProtos

/// WIT authorities: behind a feature flag that this version does not have; the answers are upstream's without the flag.
extension LocalAuthorityAPI {
  package func getWITAuthorityState(
    request: Spire_Api_Server_Localauthority_V1_GetWITAuthorityStateRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_GetWITAuthorityStateResponse {
    throw try notImplemented(context)
  }

  package func prepareWITAuthority(
    request: Spire_Api_Server_Localauthority_V1_PrepareWITAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_PrepareWITAuthorityResponse { throw try notImplemented(context) }

  package func activateWITAuthority(
    request: Spire_Api_Server_Localauthority_V1_ActivateWITAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_ActivateWITAuthorityResponse {
    throw try notImplemented(context)
  }

  package func taintWITAuthority(
    request: Spire_Api_Server_Localauthority_V1_TaintWITAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_TaintWITAuthorityResponse { throw try notImplemented(context) }

  package func revokeWITAuthority(
    request: Spire_Api_Server_Localauthority_V1_RevokeWITAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_RevokeWITAuthorityResponse { throw try notImplemented(context) }

  private func notImplemented(_ context: ServerContext) throws -> any Error {
    try APICall(context).failure(.unimplemented, "WIT-SVID functionality is not yet implemented")
  }
}
