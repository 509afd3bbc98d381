import DatastoreAPI
package import GRPCCore
package import SPIREProtos

extension TrustDomainAPI {
  /// The relationships that were made through the API; those of the configuration file are not among them.
  package func listFederationRelationships(
    request: Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsResponse {
    let call = try APICall(context)
    let page = request.pageSize > 0 ? Page(size: Int(request.pageSize), token: request.pageToken) : nil
    let mask = request.hasOutputMask ? request.outputMask : nil
    let listing: Listing<FederationRelationship>
    do {
      listing = try await server.datastore.listFederationRelationships(page: page)
    } catch {
      throw call.failure(.internalError, "failed to list federation relationships", error)
    }
    var response = Spire_Api_Server_Trustdomain_V1_ListFederationRelationshipsResponse()
    response.federationRelationships = listing.items.map { $0.api(mask: mask) }
    response.nextPageToken = listing.nextToken
    return response
  }
}
