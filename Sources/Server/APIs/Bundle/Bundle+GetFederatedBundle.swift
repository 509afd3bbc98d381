import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension BundleAPI {
  /// A federated bundle, at most a second old; the last known one while the datastore is away.
  package func getFederatedBundle(
    request: Spire_Api_Server_Bundle_V1_GetFederatedBundleRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Bundle {
    var call = try APICall(context)
    call.audit(["trust_domain_id": request.trustDomain])
    call.note("trust_domain_id", request.trustDomain)
    let domain = try federatedDomain(request.trustDomain, verb: "getting", call)
    let bundle: Bundle?
    do {
      bundle = try await server.bundles.bundle(of: domain)
    } catch {
      throw call.failure(.internalError, "failed to fetch bundle", error)
    }
    guard let bundle else { throw call.failure(.notFound, "bundle not found") }
    return bundle.api(mask: request.hasOutputMask ? request.outputMask : nil)
  }

  /// A trust domain that is not the server's own.
  func federatedDomain(_ name: String, verb: String, _ call: APICall) throws -> TrustDomain {
    do {
      return try federatedDomain(name, verb: verb)
    } catch {
      throw call.failure(error.code, error.message, error.cause)
    }
  }

  /// The same for one item of a batch.
  func federatedDomain(_ name: String, verb: String) throws(APIItemError) -> TrustDomain {
    let domain: TrustDomain
    do {
      domain = try TrustDomain(api: name)
    } catch {
      throw APIItemError(.invalidArgument, "trust domain argument is not valid", error)
    }
    guard domain != server.trustDomain else {
      let words =
        verb == "removing"
        ? "removing the bundle for the server trust domain is not allowed"
        : "\(verb) a federated bundle for the server's own trust domain is not allowed"
      throw APIItemError(.invalidArgument, words)
    }
    return domain
  }
}
