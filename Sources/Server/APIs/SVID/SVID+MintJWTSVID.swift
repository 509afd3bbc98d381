import Authority
import Daemon
import FoundationEssentials
package import GRPCCore
import Logging
import SPIFFE
package import SPIREProtos

extension SVIDAPI {
  /// Signs a JWT-SVID for any workload ID, outside of any registration entry.
  package func mintJWTSVID(
    request: Spire_Api_Server_Svid_V1_MintJWTSVIDRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Svid_V1_MintJWTSVIDResponse {
    var call = try APICall(context)
    call.audit([
      "spiffe_id": "spiffe://\(request.id.trustDomain)\(request.id.path)",
      "audience": .string(request.audience.joined(separator: ",")), "ttl": .value(request.ttl),
    ])
    try requireJWT(call)
    let id: SPIFFEID
    do {
      id = try APIIdentity.workload(request.hasID ? request.id : nil, of: server.trustDomain)
    } catch {
      throw call.failure(.invalidArgument, "invalid SPIFFE ID", error)
    }
    var response = Spire_Api_Server_Svid_V1_MintJWTSVIDResponse()
    response.svid = try await sign(
      JWTSVIDRequest(id: id, audience: request.audience, ttl: .seconds(Int64(request.ttl))), hint: "", &call)
    return response
  }

  /// Refuses the call when the server issues no JWT-SVIDs.
  func requireJWT(_ call: APICall) throws {
    guard !server.options.disableJWTSVIDs else {
      throw call.failure(.unimplemented, "JWT functionality is disabled")
    }
  }

  /// Signs a JWT-SVID and logs it.
  func sign(_ request: JWTSVIDRequest, hint: String, _ call: inout APICall) async throws -> Spire_Api_Types_JWTSVID {
    call.note("spiffe_id", request.id.description)
    guard !request.audience.isEmpty else {
      throw call.failure(.invalidArgument, "at least one audience is required")
    }
    let svid: IssuedJWTSVID
    do {
      svid = try await server.authority.issueJWTSVID(request)
    } catch {
      throw call.failure(.internalError, "failed to sign JWT-SVID", error)
    }
    call.debug(
      "Server CA successfully signed JWT SVID",
      [
        "audience": "[" + request.audience.joined(separator: " ") + "]",
        "expiration": GoTime.rfc3339(Date(timeIntervalSince1970: Double(svid.expiresAt))),
      ])
    var message = Spire_Api_Types_JWTSVID()
    message.token = svid.token
    message.id = request.id.api
    message.issuedAt = svid.issuedAt
    message.expiresAt = svid.expiresAt
    message.hint = hint
    return message
  }
}
