import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension BundleAPI {
  /// Creates bundles of federated trust domains; each has its own status.
  package func batchCreateFederatedBundle(
    request: Spire_Api_Server_Bundle_V1_BatchCreateFederatedBundleRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Bundle_V1_BatchCreateFederatedBundleResponse {
    let call = try APICall(context)
    let mask = request.hasOutputMask ? request.outputMask : nil
    var response = Spire_Api_Server_Bundle_V1_BatchCreateFederatedBundleResponse()
    for message in request.bundle {
      let (status, bundle) = await change(message, verb: "creating", mask: mask, call) {
        (bundle) async throws(APIItemError) in
        do throws(DatastoreError) {
          return (try await server.datastore.createBundle(bundle), "Federated bundle created")
        } catch  where error.code == .alreadyExists {
          throw APIItemError(.alreadyExists, "bundle already exists")
        } catch {
          throw APIItemError(.internalError, "unable to create bundle", error)
        }
      }
      var result = Spire_Api_Server_Bundle_V1_BatchCreateFederatedBundleResponse.Result()
      result.status = status
      if let bundle { result.bundle = bundle }
      response.results.append(result)
    }
    return response
  }
}
