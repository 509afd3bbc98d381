import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension TrustDomainAPI {
  /// Creates relationships; each has its own status. A bundle that comes with one is stored.
  package func batchCreateFederationRelationship(
    request: Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse {
    let call = try APICall(context)
    let mask = request.hasOutputMask ? request.outputMask : nil
    var response = Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse()
    for message in request.federationRelationships {
      var result = Spire_Api_Server_Trustdomain_V1_BatchCreateFederationRelationshipResponse.Result()
      var item = call
      item.note("trust_domain_id", message.trustDomain)
      do throws(APIItemError) {
        let created = try await create(message, item)
        result.status = .ok
        result.federationRelationship = created.api(mask: mask)
        item.debug("Federation relationship created")
      } catch {
        result.status = item.status(error)
      }
      call.auditItem(AuditValue.federationRelationship(message), status: result.status)
      response.results.append(result)
    }
    return response
  }

  private func create(
    _ message: Spire_Api_Types_FederationRelationship, _ call: APICall
  ) async throws(APIItemError) -> FederationRelationship {
    let relationship: FederationRelationship
    do {
      relationship = try FederationRelationship(message, mask: .all)
    } catch {
      throw APIItemError(.invalidArgument, "failed to convert federation relationship", error)
    }
    guard relationship.trustDomain != server.trustDomain else {
      throw APIItemError(.invalidArgument, "unable to create federation relationship for server trust domain")
    }
    await warnOfMissingBundle(relationship, call)
    do {
      return try await server.datastore.createFederationRelationship(relationship)
    } catch {
      throw APIItemError(.internalError, "failed to create federation relationship", error)
    }
  }

  /// A `https_spiffe` endpoint cannot be authenticated before its trust domain's bundle is there.
  func warnOfMissingBundle(_ relationship: FederationRelationship, _ call: APICall) async {
    guard case .httpsSPIFFE(let id) = relationship.profile, relationship.bundle?.trustDomain != id.trustDomain,
      (try? await server.datastore.fetchBundle(of: id.trustDomain)) == .some(.none)
    else { return }
    var call = call
    call.note("endpoint_spiffe_id", id.description)
    call.warning("bundle not found for the endpoint SPIFFE ID trust domain")
  }
}
