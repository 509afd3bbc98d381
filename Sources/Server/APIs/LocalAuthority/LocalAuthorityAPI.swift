import Authority
import GRPCCore
import RPC
import SPIREProtos

/// The service `spire.api.server.localauthority.v1.LocalAuthority`: rotation of this server's authorities by hand
/// (server-behaviour §1.9). The rules are the CA manager's; these methods translate.
package struct LocalAuthorityAPI: Spire_Api_Server_Localauthority_V1_LocalAuthority.SimpleServiceProtocol {
  let server: ServerParts

  package init(_ server: ServerParts) { self.server = server }

  /// Does something with the authority that a request names, and translates what goes wrong.
  func perform<T>(_ call: APICall, id: String? = nil, _ body: () async throws -> T) async throws -> T {
    var call = call
    if let id {
      call.audit(["local_authority_id": id])
      call.note("local_authority_id", id)
    }
    do {
      return try await body()
    } catch let error as AuthorityError {
      // The text before the first colon is the method's, the rest the reason: the log shows them apart.
      let parts = error.message.split(separator: ": ", maxSplits: 1).map(String.init)
      let code = RPCError.Code(name: error.statusName) ?? .internalError
      throw call.failure(code, parts.first ?? "", parts.count > 1 ? ConversionError(parts[1]) : nil)
    } catch {
      throw call.failure(.internalError, "failed to change local authority", error)
    }
  }
}

extension LocalAuthority {
  /// The authority as the API's message.
  var api: Spire_Api_Server_Localauthority_V1_AuthorityState {
    var message = Spire_Api_Server_Localauthority_V1_AuthorityState()
    message.authorityID = authorityID
    message.expiresAt = expiresAt
    message.upstreamAuthoritySubjectKeyID = upstreamAuthorityID
    return message
  }
}
