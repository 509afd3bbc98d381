import Authority
import DatastoreAPI
package import GRPCCore
import Logging
import SPIFFE
package import SPIREProtos

extension SVIDAPI {
  /// Signs a JWT-SVID for an entry that the calling agent may serve.
  package func newJWTSVID(
    request: Spire_Api_Server_Svid_V1_NewJWTSVIDRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Svid_V1_NewJWTSVIDResponse {
    var call = try APICall(context)
    call.audit(["entry_id": request.entryID, "audience": request.audience.joined(separator: ",")])
    try requireJWT(call)
    try await call.limitRate("rejecting request due to JWT signing request rate limiting")
    let agent = try call.requireCallerID()
    let id = request.entryID
    guard let entry = server.entries.read({ $0.authorizedEntries(for: agent, ids: [id]) })[id] else {
      call.note("entry_id", request.entryID)
      throw call.failure(.notFound, "entry not found or not authorized")
    }
    call.audit(["spiffe_id": .string(entry.spiffeID.description), "ttl": .value(entry.jwtSVIDTTL)])
    let jwt = JWTSVIDRequest(
      id: entry.spiffeID, audience: request.audience, ttl: .seconds(Int64(entry.jwtSVIDTTL)),
      includesJTI: entry.additionalAttributes?.jwtSVIDIncludeJTI ?? false)
    var response = Spire_Api_Server_Svid_V1_NewJWTSVIDResponse()
    response.svid = try await sign(jwt, hint: entry.hint, &call)
    return response
  }
}
