import Authority
import Daemon
import DatastoreAPI
import FoundationEssentials
package import GRPCCore
import Logging
import SPIFFE
package import SPIREProtos

/// WIT-SVIDs, with the feature flag `wit-svid`.
extension SVIDAPI {
  package typealias BatchWITRequest = Spire_Api_Server_Svid_V1_BatchNewWITSVIDRequest
  package typealias BatchWITResponse = Spire_Api_Server_Svid_V1_BatchNewWITSVIDResponse

  /// Signs a WIT-SVID for any workload ID and key, outside of any registration entry.
  package func mintWITSVID(
    request: Spire_Api_Server_Svid_V1_MintWITSVIDRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Svid_V1_MintWITSVIDResponse {
    var call = try APICall(context)
    call.audit(["spiffe_id": .string(AuditValue.id(request.id)), "ttl": .value(request.ttl)])
    try requireWIT(call)
    let id: SPIFFEID
    do {
      id = try APIIdentity.workload(request.hasID ? request.id : nil, of: server.trustDomain)
    } catch {
      throw call.failure(.invalidArgument, "invalid SPIFFE ID", error)
    }
    do throws(APIItemError) {
      let (key, algorithm) = try Self.confirmation(request.publicKey, request.signingAlgorithm)
      var response = Spire_Api_Server_Svid_V1_MintWITSVIDResponse()
      response.svid = try await sign(
        WITSVIDRequest(id: id, publicKey: key, algorithm: algorithm, ttl: .seconds(Int64(request.ttl))), hint: "",
        &call)
      return response
    } catch {
      throw call.failure(error.code, error.message, error.cause)
    }
  }

  /// Signs WIT-SVIDs for entries that the calling agent may serve; each has its own status.
  package func batchNewWITSVID(request: BatchWITRequest, context: ServerContext) async throws -> BatchWITResponse {
    let call = try APICall(context)
    try requireWIT(call)
    guard !request.params.isEmpty else { throw call.failure(.invalidArgument, "missing parameters") }
    try await call.limitRate("rejecting request due to WIT signing request rate limiting", count: request.params.count)
    let agent = try call.requireCallerID()
    let ids = Set(request.params.map(\.entryID))
    let entries = server.entries.read { $0.authorizedEntries(for: agent, ids: ids) }
    var response = BatchWITResponse()
    response.results.reserveCapacity(request.params.count)
    for params in request.params {
      var item = call
      var result = BatchWITResponse.Result()
      var audit: Logger.Metadata = ["entry_id": .string(params.entryID)]
      do throws(APIItemError) {
        guard !params.entryID.isEmpty else { throw APIItemError(.invalidArgument, "missing entry ID") }
        item.note("entry_id", params.entryID)
        let (key, algorithm) = try Self.confirmation(params.publicKey, params.signingAlgorithm)
        guard let entry = entries[params.entryID] else {
          throw APIItemError(.notFound, "entry not found or not authorized")
        }
        let wanted = WITSVIDRequest(
          id: entry.spiffeID, publicKey: key, algorithm: algorithm, ttl: .seconds(Int64(entry.x509SVIDTTL)))
        result.svid = try await sign(wanted, hint: entry.hint, &item)
        audit["spiffe_id"] = .string(entry.spiffeID.description)
        audit["expires_at"] = .value(result.svid.expiresAt)
        result.status = .ok
      } catch {
        result.status = item.status(error)
      }
      call.auditItem(audit, status: result.status)
      response.results.append(result)
    }
    return response
  }

  /// Refuses the call when the server issues no WIT-SVIDs.
  private func requireWIT(_ call: APICall) throws {
    guard server.options.enableWITSVIDs else { throw call.failure(.unimplemented, AuthorityError.witDisabled.message) }
  }

  /// The key that a token is bound to, and the algorithm that it signs with (WIT-SVID §3.2).
  private static func confirmation(
    _ der: Data, _ algorithm: String
  ) throws(APIItemError) -> (PublicKey, JWSAlgorithm) {
    guard !der.isEmpty else { throw APIItemError(.invalidArgument, "missing public key") }
    let key: PublicKey
    do {
      key = try PublicKey(pkix: [UInt8](der))
    } catch {
      let isForeign = error.code == .unsupportedKey
      throw APIItemError(.invalidArgument, isForeign ? "invalid public key" : "malformed public key", error)
    }
    guard let algorithm = JWSAlgorithm(rawValue: algorithm), algorithm.fits(key.keyType) else {
      throw APIItemError(
        .invalidArgument, "invalid signing algorithm or key type",
        ConversionError("\(GoText.quote(algorithm)) with a key of type \(key)"))
    }
    return (key, algorithm)
  }

  /// Signs a WIT-SVID and logs it.
  private func sign(
    _ request: WITSVIDRequest, hint: String, _ call: inout APICall
  ) async throws(APIItemError) -> Spire_Api_Types_WITSVID {
    call.note("spiffe_id", request.id.description)
    let svid: IssuedJWTSVID
    do {
      svid = try await server.authority.issueWITSVID(request)
    } catch {
      throw APIItemError(.internalError, "failed to sign WIT-SVID", error)
    }
    call.debug(
      "Server CA successfully signed WIT SVID",
      ["expiration": GoTime.rfc3339(Date(timeIntervalSince1970: Double(svid.expiresAt)))])
    var message = Spire_Api_Types_WITSVID()
    message.token = svid.token
    message.id = request.id.api
    message.issuedAt = svid.issuedAt
    message.expiresAt = svid.expiresAt
    message.hint = hint
    return message
  }
}
