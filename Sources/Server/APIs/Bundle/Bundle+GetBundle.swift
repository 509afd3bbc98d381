import Daemon
package import GRPCCore
import RPC
import SPIFFE
package import SPIREProtos

extension BundleAPI {
  /// The server's own bundle, at most a second old. Anybody may have it: an agent that does not trust us yet needs it.
  package func getBundle(
    request: Spire_Api_Server_Bundle_V1_GetBundleRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Bundle {
    let call = try APICall(context)
    call.audit(["trust_domain_id": server.trustDomain.name])
    let bundle: Bundle?
    do {
      bundle = try await server.bundles.bundle(of: server.trustDomain)
    } catch {
      throw call.failure(.internalError, "failed to fetch bundle", error)
    }
    guard let bundle else { throw call.failure(.notFound, "bundle not found") }
    if case .x509(let svid, _) = call.context.caller, server.entries.agent(svid.id) != nil,
      !request.hasOutputMask || request.outputMask.x509Authorities && request.outputMask.jwtAuthorities
    {
      server.confirmations.given(bundle, to: svid.id, at: server.time.now)
    }
    return bundle.api(mask: request.hasOutputMask ? request.outputMask : nil)
  }
}
