import Authority
import DatastoreAPI
import FoundationEssentials
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension SVIDAPI {
  /// Signs an intermediate CA for a server below this one.
  package func newDownstreamX509CA(
    request: Spire_Api_Server_Svid_V1_NewDownstreamX509CARequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse {
    let call = try APICall(context)
    call.audit(["csr": AuditValue.sha256(request.csr), "trust_domain_id": server.trustDomain.name])
    try await call.limitRate("rejecting request due to downstream CA signing rate limit")
    throw call.failure(.unimplemented, "signing for downstream servers is not supported by this version")
  }
}
