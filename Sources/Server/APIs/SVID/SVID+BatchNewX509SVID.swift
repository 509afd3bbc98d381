import Authority
import Daemon
import DatastoreAPI
import FoundationEssentials
package import GRPCCore
import Logging
import SPIFFE
package import SPIREProtos

extension SVIDAPI {
  package typealias BatchRequest = Spire_Api_Server_Svid_V1_BatchNewX509SVIDRequest
  package typealias BatchResponse = Spire_Api_Server_Svid_V1_BatchNewX509SVIDResponse

  /// Signs X509-SVIDs for entries that the calling agent may serve; each has its own status.
  package func batchNewX509SVID(request: BatchRequest, context: ServerContext) async throws -> BatchResponse {
    let call = try APICall(context)
    guard !request.params.isEmpty else { throw call.failure(.invalidArgument, "missing parameters") }
    try await call.limitRate("rejecting request due to certificate signing rate limiting", count: request.params.count)
    let agent = try call.requireCallerID()
    let ids = Set(request.params.map(\.entryID))
    let entries = server.entries.read { $0.authorizedEntries(for: agent, ids: ids) }
    var response = BatchResponse()
    response.results.reserveCapacity(request.params.count)
    for params in request.params {
      let result = await sign(params, entries, agent, call)
      call.auditItem(auditFields(params, result, entries[params.entryID]), status: result.status)
      response.results.append(result)
    }
    return response
  }

  private func auditFields(
    _ params: Spire_Api_Server_Svid_V1_NewX509SVIDParams, _ result: BatchResponse.Result, _ entry: RegistrationEntry?
  ) -> Logger.Metadata {
    var fields: Logger.Metadata = [
      "csr": .string(AuditValue.sha256(params.csr)), "entry_id": .string(params.entryID),
    ]
    if result.hasSvid {
      fields["spiffe_id"] = (entry?.spiffeID.description).map { .string($0) }
      fields["expires_at"] = .value(result.svid.expiresAt)
    }
    return fields
  }

  private func sign(
    _ params: Spire_Api_Server_Svid_V1_NewX509SVIDParams, _ entries: [String: RegistrationEntry], _ agent: SPIFFEID,
    _ call: APICall
  ) async -> BatchResponse.Result {
    var call = call
    var result = BatchResponse.Result()
    do throws(APIItemError) {
      guard !params.entryID.isEmpty else { throw APIItemError(.invalidArgument, "missing entry ID") }
      guard !params.csr.isEmpty else { throw APIItemError(.invalidArgument, "missing CSR") }
      call.note("entry_id", params.entryID)
      guard let entry = entries[params.entryID] else {
        throw APIItemError(.notFound, "entry not found or not authorized")
      }
      let csr = try Self.parse([UInt8](params.csr))
      call.note("spiffe_id", entry.spiffeID.description)
      let request = X509SVIDRequest(
        id: entry.spiffeID, publicKey: csr.publicKey, dnsNames: entry.dnsNames,
        ttl: .seconds(Int64(entry.x509SVIDTTL)))
      let svid: IssuedX509SVID
      do {
        svid = try await server.authority.issueX509SVID(request)
      } catch {
        throw APIItemError(.internalError, "failed to sign X509-SVID", error)
      }
      server.activity.signed(svid, for: entry, agent: agent, at: server.time.now)
      call.debug(
        "Signed X509 SVID",
        [
          "expiration": .string(svid.expirationText), "serial_num": .string(svid.serialNumber),
          "revision_number": .value(entry.revisionNumber),
        ])
      result.svid = svid.api
      result.svid.hint = entry.hint
      result.status = .ok
    } catch {
      result.status = call.status(error)
    }
    return result
  }

  static func parse(_ der: [UInt8]) throws(APIItemError) -> CSR {
    let csr: CSR
    do {
      csr = try CSR(der: der)
    } catch {
      throw APIItemError(.invalidArgument, "malformed CSR", error)
    }
    do {
      try csr.verifySignature()
    } catch {
      throw APIItemError(.invalidArgument, "invalid CSR signature", error)
    }
    return csr
  }
}
