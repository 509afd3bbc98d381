import DatastoreAPI
package import GRPCCore
import SPIFFE
package import SPIREProtos

extension BundleAPI {
  /// Adds authorities to the server's own bundle.
  package func appendBundle(
    request: Spire_Api_Server_Bundle_V1_AppendBundleRequest, context: ServerContext
  ) async throws -> Spire_Api_Types_Bundle {
    var call = try APICall(context)
    call.audit(AuditValue.authorities(x509: request.x509Authorities, jwt: request.jwtAuthorities))
    call.note("trust_domain_id", server.trustDomain.name)
    guard !request.x509Authorities.isEmpty || !request.jwtAuthorities.isEmpty || !request.witAuthorities.isEmpty
    else { throw call.failure(.invalidArgument, "no authorities to append") }
    var addition = Bundle(trustDomain: server.trustDomain)
    do {
      addition.x509Authorities = try X509Authority.list(request.x509Authorities)
    } catch {
      throw call.failure(.invalidArgument, "failed to convert X.509 authority", error)
    }
    do {
      addition.jwtAuthorities = try JWTAuthority.list(request.jwtAuthorities)
      addition.witAuthorities = try JWTAuthority.list(request.witAuthorities)
    } catch {
      throw call.failure(.invalidArgument, "failed to convert JWT authority", error)
    }
    do {
      let bundle = try await server.datastore.appendBundle(addition)
      call.info("Bundle appended")
      return bundle.api(mask: request.hasOutputMask ? request.outputMask : nil)
    } catch {
      throw call.failure(.internalError, "failed to append bundle", error)
    }
  }
}
