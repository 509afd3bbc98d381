import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension BundleAPI {
  /// Replaces parts of bundles of federated trust domains; each has its own status.
  package func batchUpdateFederatedBundle(
    request: Spire_Api_Server_Bundle_V1_BatchUpdateFederatedBundleRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Bundle_V1_BatchUpdateFederatedBundleResponse {
    let call = try APICall(context)
    let input = (request.hasInputMask ? request.inputMask : .all).datastoreMask
    let mask = request.hasOutputMask ? request.outputMask : nil
    var response = Spire_Api_Server_Bundle_V1_BatchUpdateFederatedBundleResponse()
    for message in request.bundle {
      let (status, bundle) = await change(message, verb: "updating", mask: mask, call) {
        (bundle) async throws(APIItemError) in
        do throws(DatastoreError) {
          return (try await server.datastore.updateBundle(bundle, mask: input), "Federated bundle updated")
        } catch  where error.code == .notFound {
          throw APIItemError(.notFound, "bundle not found", error)
        } catch {
          throw APIItemError(.internalError, "failed to update bundle", error)
        }
      }
      var result = Spire_Api_Server_Bundle_V1_BatchUpdateFederatedBundleResponse.Result()
      result.status = status
      if let bundle { result.bundle = bundle }
      response.results.append(result)
    }
    return response
  }
}
