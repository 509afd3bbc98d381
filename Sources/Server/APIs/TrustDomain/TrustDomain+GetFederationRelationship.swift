import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension TrustDomainAPI {
  package func getFederationRelationship(
    request: Spire_Api_Server_Trustdomain_V1_GetFederationRelationshipRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_FederationRelationship {
    let call = try APICall(context)
    call.audit(["trust_domain_id": request.trustDomain])
    let domain = try trustDomain(request.trustDomain, call)
    let relationship: FederationRelationship?
    do {
      relationship = try await server.datastore.fetchFederationRelationship(with: domain)
    } catch {
      throw call.failure(.internalError, "failed to fetch federation relationship", error)
    }
    guard let relationship else { throw call.failure(.notFound, "federation relationship does not exist") }
    return relationship.api(mask: request.hasOutputMask ? request.outputMask : nil)
  }

  func trustDomain(_ name: String, _ call: APICall) throws -> TrustDomain {
    do {
      return try TrustDomain(api: name)
    } catch {
      throw call.failure(.invalidArgument, "failed to parse trust domain", error)
    }
  }
}
