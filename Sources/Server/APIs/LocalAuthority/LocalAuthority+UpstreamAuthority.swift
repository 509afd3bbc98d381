import Authority
package import GRPCCore
package import SPIREProtos

/// The authority above this server's: a root of it is withdrawn after this server has another CA (server-behaviour §1.9).
extension LocalAuthorityAPI {
  package func taintX509UpstreamAuthority(
    request: Spire_Api_Server_Localauthority_V1_TaintX509UpstreamAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_TaintX509UpstreamAuthorityResponse {
    try await perform(try noted(request.subjectKeyID, context)) {
      try await server.caManager.taintX509UpstreamAuthority(subjectKeyID: request.subjectKeyID)
    }
    await server.serverSVID.rotateIfDue()
    var response = Spire_Api_Server_Localauthority_V1_TaintX509UpstreamAuthorityResponse()
    response.upstreamAuthoritySubjectKeyID = request.subjectKeyID.lowercased()
    return response
  }

  package func revokeX509UpstreamAuthority(
    request: Spire_Api_Server_Localauthority_V1_RevokeX509UpstreamAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Localauthority_V1_RevokeX509UpstreamAuthorityResponse {
    try await perform(try noted(request.subjectKeyID, context)) {
      try await server.caManager.revokeX509UpstreamAuthority(subjectKeyID: request.subjectKeyID)
    }
    var response = Spire_Api_Server_Localauthority_V1_RevokeX509UpstreamAuthorityResponse()
    response.upstreamAuthoritySubjectKeyID = request.subjectKeyID.lowercased()
    return response
  }

  private func noted(_ subjectKeyID: String, _ context: ServerContext) throws -> APICall {
    var call = try APICall(context)
    call.audit(["subject_key_id": subjectKeyID])
    call.note("subject_key_id", subjectKeyID)
    return call
  }
}
