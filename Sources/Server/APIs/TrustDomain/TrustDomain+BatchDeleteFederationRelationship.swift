import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension TrustDomainAPI {
  /// Deletes relationships; each has its own status. Their bundles stay.
  package func batchDeleteFederationRelationship(
    request: Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipResponse {
    let call = try APICall(context)
    var response = Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipResponse()
    for name in request.trustDomains {
      var result = Spire_Api_Server_Trustdomain_V1_BatchDeleteFederationRelationshipResponse.Result()
      result.trustDomain = name
      var item = call
      item.note("trust_domain_id", name)
      do throws(APIItemError) {
        try await delete(name)
        result.status = .ok
        item.debug("Federation relationship deleted")
      } catch {
        result.status = item.status(error)
      }
      call.auditItem(["trust_domain_id": name], status: result.status)
      response.results.append(result)
    }
    return response
  }

  private func delete(_ name: String) async throws(APIItemError) {
    guard !name.isEmpty else { throw APIItemError(.invalidArgument, "missing trust domain") }
    let domain: TrustDomain
    do {
      domain = try TrustDomain(api: name)
    } catch {
      throw APIItemError(.invalidArgument, "failed to parse trust domain", error)
    }
    do {
      try await server.datastore.deleteFederationRelationship(with: domain)
    } catch  where error.code == .notFound {
      throw APIItemError(.notFound, "federation relationship not found", error)
    } catch {
      throw APIItemError(.internalError, "failed to delete federation relationship", error)
    }
  }
}
