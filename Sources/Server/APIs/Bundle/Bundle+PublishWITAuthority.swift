import Authority
import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension BundleAPI {
  /// Adds the WIT key of a downstream server to the bundle, and answers with all WIT keys. Without the feature flag
  /// `wit-svid`, and upstream with it too, the answer is Unimplemented.
  package func publishWITAuthority(
    request: Spire_Api_Server_Bundle_V1_PublishWITAuthorityRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Bundle_V1_PublishWITAuthorityResponse {
    let call = try APICall(context)
    call.audit(AuditValue.witAuthority(request.witAuthority))
    guard server.options.enableWITSVIDs else {
      throw call.failure(.unimplemented, "WIT-SVID functionality is not yet implemented")
    }
    try await call.limitRate("rejecting request due to key publishing rate limiting")
    guard request.hasWitAuthority else { throw call.failure(.invalidArgument, "missing WIT authority") }
    var addition = Bundle(trustDomain: server.trustDomain)
    do {
      addition.witAuthorities = try JWTAuthority.list([request.witAuthority])
    } catch {
      throw call.failure(.invalidArgument, "invalid WIT authority", error)
    }
    var response = Spire_Api_Server_Bundle_V1_PublishWITAuthorityResponse()
    do {
      // One key ID stands for one key in the whole bundle (WIT-SVID §6.1).
      let known = try await server.datastore.fetchBundle(of: server.trustDomain)
      guard known?.jwtAuthorities.contains(where: { $0.keyID == request.witAuthority.keyID }) != true else {
        throw call.failure(
          .invalidArgument, "invalid WIT authority", ConversionError("its key ID is that of a JWT authority"))
      }
      response.witAuthorities = try await server.datastore.appendBundle(addition).witAuthorities.map(\.witAPI)
    } catch let error as DatastoreError {
      throw call.failure(.internalError, "failed to publish WIT key", error)
    }
    return response
  }
}
