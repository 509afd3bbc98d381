import DatastoreAPI
import FoundationEssentials
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension ExplainAPI {
  package typealias IdentityRequest = Swiftspire_Server_Explain_V1_ExplainIdentityRequest
  package typealias IdentityResponse = Swiftspire_Server_Explain_V1_ExplainIdentityResponse

  /// Explains an ID or an entry. What is not there is no error: the answer says what is like it.
  package func explainIdentity(request: IdentityRequest, context: ServerContext) async throws -> IdentityResponse {
    let call = try APICall(context)
    let server = server
    switch request.subject {
    case .entryID(let id) where !id.isEmpty:
      call.audit(["entry_id": id])
      try await call.limitRate(Self.limitText)
      return try await aside(call) { () async throws(DatastoreError) in
        var explainer = Explainer(server)
        return try await explainer.explain(entryID: id)
      }
    case .spiffeID(let message):
      call.audit(["spiffe_id": AuditValue.id(message)])
      let id: SPIFFEID
      do { id = try APIIdentity.parse(message) } catch {
        throw call.failure(.invalidArgument, "invalid SPIFFE ID", error)
      }
      try await call.limitRate(Self.limitText)
      return try await aside(call) { () async throws(DatastoreError) in
        var explainer = Explainer(server)
        return try await explainer.explain(id)
      }
    default:
      throw call.failure(.invalidArgument, "request must specify a SPIFFE ID or an entry ID")
    }
  }
}
