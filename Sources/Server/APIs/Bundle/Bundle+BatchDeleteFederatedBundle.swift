import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension BundleAPI {
  /// Deletes bundles of federated trust domains; each has its own status.
  package func batchDeleteFederatedBundle(
    request: Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleResponse {
    let call = try APICall(context)
    let mode: BundleDeletionMode
    switch request.mode {
    case .restrict: mode = .restrict
    case .delete: mode = .delete
    case .dissociate: mode = .dissociate
    case .UNRECOGNIZED(let number):
      throw call.failure(
        .invalidArgument, "failed to parse deletion mode",
        ConversionError("unhandled delete mode \"\(number)\""))
    }
    var response = Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleResponse()
    for name in request.trustDomains {
      var item = call
      item.note("trust_domain_id", name)
      var result = Spire_Api_Server_Bundle_V1_BatchDeleteFederatedBundleResponse.Result()
      result.trustDomain = name
      do throws(APIItemError) {
        try await delete(name, mode)
        result.status = .ok
      } catch {
        result.status = item.status(error)
      }
      response.results.append(result)
      call.auditItem(["trust_domain_id": name, "mode": mode.auditName], status: result.status)
    }
    return response
  }

  private func delete(_ name: String, _ mode: BundleDeletionMode) async throws(APIItemError) {
    let domain = try federatedDomain(name, verb: "removing")
    do {
      try await server.datastore.deleteBundle(of: domain, mode: mode)
    } catch  where error.code == .notFound {
      throw APIItemError(.notFound, "bundle not found", error)
    } catch {
      throw APIItemError(error.rpcCode, "failed to delete federated bundle", error)
    }
  }
}

extension BundleDeletionMode {
  fileprivate var auditName: String {
    switch self {
    case .restrict: "RESTRICT"
    case .delete: "DELETE"
    case .dissociate: "DISSOCIATE"
    }
  }
}
