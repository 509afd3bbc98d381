package import GRPCCore
package import SPIREProtos

/// Authorities above this server's: there is none in this version.
extension LocalAuthorityAPI {
  package func taintX509UpstreamAuthority(
    request: Spire_Api_Server_Localauthority_V1_TaintX509UpstreamAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_TaintX509UpstreamAuthorityResponse {
    throw try notConfigured(request.subjectKeyID, context)
  }

  package func revokeX509UpstreamAuthority(
    request: Spire_Api_Server_Localauthority_V1_RevokeX509UpstreamAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_RevokeX509UpstreamAuthorityResponse {
    throw try notConfigured(request.subjectKeyID, context)
  }

  private func notConfigured(_ subjectKeyID: String, _ context: ServerContext) throws -> any Error {
    var call = try APICall(context)
    call.audit(["subject_key_id": subjectKeyID])
    call.note("subject_key_id", subjectKeyID)
    return call.failure(.failedPrecondition, "upstream authority is not configured")
  }
}
