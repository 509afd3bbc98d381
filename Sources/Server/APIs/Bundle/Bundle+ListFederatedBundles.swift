import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension BundleAPI {
  /// The bundles of all trust domains but the server's own.
  package func listFederatedBundles(
    request: Spire_Api_Server_Bundle_V1_ListFederatedBundlesRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Bundle_V1_ListFederatedBundlesResponse {
    let call = try APICall(context)
    let page = request.pageSize > 0 ? Page(size: Int(request.pageSize), token: request.pageToken) : nil
    let mask = request.hasOutputMask ? request.outputMask : nil
    let listing: Listing<Bundle>
    do {
      listing = try await server.datastore.listBundles(page: page)
    } catch {
      throw call.failure(.internalError, "failed to list bundles", error)
    }
    var response = Spire_Api_Server_Bundle_V1_ListFederatedBundlesResponse()
    response.bundles = listing.items.filter { $0.trustDomain != server.trustDomain }.map { $0.api(mask: mask) }
    response.nextPageToken = listing.nextToken
    return response
  }
}
