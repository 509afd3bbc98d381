import Authority
import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension BundleAPI {
  /// Publishes the JWT key of a downstream server, here and above, and answers with all JWT keys.
  package func publishJWTAuthority(
    request: Spire_Api_Server_Bundle_V1_PublishJWTAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Bundle_V1_PublishJWTAuthorityResponse {
    let call = try APICall(context)
    call.audit(AuditValue.jwtAuthority(request.jwtAuthority))
    try await call.limitRate("rejecting request due to key publishing rate limiting")
    guard request.hasJwtAuthority else { throw call.failure(.invalidArgument, "missing JWT authority") }
    let keys: [JWTAuthority]
    do { keys = try JWTAuthority.list([request.jwtAuthority]) } catch {
      throw call.failure(.invalidArgument, "invalid JWT authority", error)
    }
    var response = Spire_Api_Server_Bundle_V1_PublishJWTAuthorityResponse()
    do {
      for key in keys {
        response.jwtAuthorities = try await server.caManager.publishDownstreamJWTKey(key).map(\.api)
      }
    } catch {
      throw call.failure(.internalError, "failed to publish JWT key", error)
    }
    return response
  }
}
