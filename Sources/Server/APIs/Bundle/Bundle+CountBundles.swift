import DatastoreAPI
package import GRPCCore
package import SPIREProtos

extension BundleAPI {
  /// How many bundles there are, the server's own included.
  package func countBundles(
    request: Spire_Api_Server_Bundle_V1_CountBundlesRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Bundle_V1_CountBundlesResponse {
    let call = try APICall(context)
    var response = Spire_Api_Server_Bundle_V1_CountBundlesResponse()
    do {
      response.count = Int32(clamping: try await server.datastore.countBundles())
    } catch {
      throw call.failure(.internalError, "failed to count bundles", error)
    }
    return response
  }
}
