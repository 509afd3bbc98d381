import Authority
import DatastoreAPI
import FoundationEssentials
package import GRPCCore
import Logging
import RPC
import SPIFFE
package import SPIREProtos

extension SVIDAPI {
  /// Signs an intermediate CA for a server below this one, and answers with it and the roots of the trust domain. Of the
  /// CSR only the key counts.
  package func newDownstreamX509CA(
    request: Spire_Api_Server_Svid_V1_NewDownstreamX509CARequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse {
    var call = try APICall(context)
    call.audit(["csr": AuditValue.sha256(request.csr), "trust_domain_id": server.trustDomain.name])
    try await call.limitRate("rejecting request due to downstream CA signing rate limit")
    guard call.context.authorization == .downstream else {
      throw call.failure(.internalError, "caller is not a downstream workload")
    }
    guard !request.csr.isEmpty else { throw call.failure(.invalidArgument, "missing CSR") }
    let csr: CSR
    do {
      csr = try Self.parse([UInt8](request.csr))
    } catch {
      throw call.failure(error.code, error.message, error.cause)
    }
    let issued: IssuedX509SVID
    do {
      issued = try await server.authority.issueDownstreamCA(
        publicKey: csr.publicKey, ttl: .seconds(Int64(request.preferredTtl)))
    } catch {
      throw call.failure(.internalError, "failed to sign downstream X.509 CA", error)
    }
    call.note("spiffe_id", issued.id.description)
    call.note("expiration", issued.expirationText)
    call.debug("Downstream X.509 CA signed")
    let bundle: Bundle?
    do {
      bundle = try await server.datastore.fetchBundle(of: server.trustDomain)
    } catch {
      throw call.failure(.internalError, "failed to fetch bundle", error)
    }
    guard let bundle else { throw call.failure(.notFound, "bundle not found") }
    call.audit(["expires_at": .value(issued.expiresAt)])
    var response = Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse()
    response.caCertChain = issued.chain.map { Data($0) }
    response.x509Authorities = bundle.x509Authorities.map { Data($0.der) }
    return response
  }
}
