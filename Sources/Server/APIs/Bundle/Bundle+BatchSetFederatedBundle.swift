import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension BundleAPI {
  /// Creates or replaces bundles of federated trust domains; each has its own status.
  package func batchSetFederatedBundle(
    request: Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleRequest, context: ServerContext
  ) async throws -> Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleResponse {
    let call = try APICall(context)
    let mask = request.hasOutputMask ? request.outputMask : nil
    var response = Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleResponse()
    for message in request.bundle {
      let (status, bundle) = await change(message, verb: "setting", mask: mask, call) {
        (bundle) async throws(APIItemError) in
        do throws(DatastoreError) {
          return (try await server.datastore.setBundle(bundle), "Bundle set successfully")
        } catch {
          throw APIItemError(.internalError, "failed to set bundle", error)
        }
      }
      var result = Spire_Api_Server_Bundle_V1_BatchSetFederatedBundleResponse.Result()
      result.status = status
      if let bundle { result.bundle = bundle }
      response.results.append(result)
    }
    return response
  }

  /// What creating, updating and setting one bundle have in common: the checks, the log line and the audit record.
  func change(
    _ message: Spire_Api_Types_Bundle, verb: String, mask: Spire_Api_Types_BundleMask?, _ call: APICall,
    store: (Bundle) async throws(APIItemError) -> (Bundle, logged: String)
  ) async -> (Spire_Api_Types_Status, Spire_Api_Types_Bundle?) {
    var call = call
    call.note("trust_domain_id", message.trustDomain)
    var status = Spire_Api_Types_Status.ok
    var answer: Spire_Api_Types_Bundle?
    do throws(APIItemError) {
      _ = try federatedDomain(message.trustDomain, verb: verb)
      let bundle: Bundle
      do {
        bundle = try Bundle(message)
      } catch {
        throw APIItemError(.invalidArgument, "failed to convert bundle", error)
      }
      let (stored, line) = try await store(bundle)
      answer = stored.api(mask: mask)
      if verb == "setting" {
        call.info("\(line)")
      } else {
        call.debug("\(line)")
      }
    } catch {
      status = call.status(error)
    }
    call.auditItem(AuditValue.bundle(message), status: status)
    return (status, answer)
  }
}
