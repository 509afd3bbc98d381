package import GRPCCore
import SPIFFE
package import SPIREProtos
package import SwiftProtobuf

extension TrustDomainAPI {
  /// Fetches the bundle of a federated trust domain now, and answers when it is there. A forced call also takes one whose
  /// sequence number is older than the stored one's.
  package func refreshBundle(
    request: Spire_Api_Server_Trustdomain_V1_RefreshBundleRequest, context: ServerContext
  ) async throws -> Google_Protobuf_Empty {
    var call = try APICall(context)
    let force = call.isForced
    call.audit(["trust_domain_id": request.trustDomain])
    if force { call.audit(["force": "true"]) }
    let domain = try trustDomain(request.trustDomain, call)
    call.note("trust_domain_id", domain.name)
    if force { call.note("force", "true") }
    let isKnown: Bool
    do {
      isKnown = try await server.federation.refresh(domain, force: force)
    } catch {
      throw call.failure(.internalError, "failed to refresh bundle", error)
    }
    guard isKnown else { throw call.failure(.notFound, "no relationship with trust domain \"\(domain)\"") }
    call.debug("Bundle refreshed")
    return Google_Protobuf_Empty()
  }
}
