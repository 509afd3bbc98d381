import Authority
package import GRPCCore
package import SPIREProtos

extension RotationAPI {
  package func activateAuthority(
    request: Swiftspire_Server_Rotation_V1_ActivateAuthorityRequest, context: ServerContext
  ) async throws -> Swiftspire_Server_Rotation_V1_ActivateAuthorityResponse {
    let call = try APICall(context)
    let kind = try Self.kind(request.kind, call)
    call.audit(["force": "\(request.force)", "kind": kind.rawValue])
    let activated = try await LocalAuthorityAPI(server).perform(call, id: request.authorityID) {
      try await server.activate(
        kind, id: request.authorityID, force: request.force, beginsRotation: request.beginsRotation)
    }
    var response = Swiftspire_Server_Rotation_V1_ActivateAuthorityResponse()
    response.activatedAuthority = activated.api
    return response
  }
}
