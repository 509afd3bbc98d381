import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension TrustDomainAPI {
  /// Replaces parts of relationships; each has its own status.
  package func batchUpdateFederationRelationship(
    request: Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipResponse {
    let call = try APICall(context)
    let input = request.hasInputMask ? request.inputMask : .all
    let output = request.hasOutputMask ? request.outputMask : nil
    var response = Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipResponse()
    for message in request.federationRelationships {
      var result = Spire_Api_Server_Trustdomain_V1_BatchUpdateFederationRelationshipResponse.Result()
      var item = call
      item.note("trust_domain_id", message.trustDomain)
      do throws(APIItemError) {
        let updated = try await update(message, input, item)
        result.status = .ok
        result.federationRelationship = updated.api(mask: output)
        item.debug("Federation relationship updated")
      } catch {
        result.status = item.status(error)
      }
      call.auditItem(AuditValue.federationRelationship(message, mask: input), status: result.status)
      response.results.append(result)
    }
    return response
  }

  private func update(
    _ message: Spire_Api_Types_FederationRelationship, _ mask: Spire_Api_Types_FederationRelationshipMask,
    _ call: APICall
  ) async throws(APIItemError) -> FederationRelationship {
    let relationship: FederationRelationship
    do {
      relationship = try FederationRelationship(message, mask: mask)
    } catch {
      throw APIItemError(.invalidArgument, "failed to convert federation relationship", error)
    }
    if mask.bundleEndpointProfile { await warnOfMissingBundle(relationship, call) }
    do {
      return try await server.datastore.updateFederationRelationship(relationship, mask: mask.datastoreMask)
    } catch {
      throw APIItemError(.internalError, "failed to update federation relationship", error)
    }
  }
}
