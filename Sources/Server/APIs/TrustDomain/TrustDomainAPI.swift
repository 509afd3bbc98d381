import SPIREProtos

/// The service `spire.api.server.trustdomain.v1.TrustDomain`: with whom this trust domain federates
/// (server-behaviour §8, §9.2).
///
/// One file per method beside this one; who may call each is in `TrustDomainMethods.swift`. A value without state of its
/// own.
package struct TrustDomainAPI: Spire_Api_Server_Trustdomain_V1_TrustDomain.SimpleServiceProtocol {
  let server: ServerParts

  package init(_ server: ServerParts) { self.server = server }
}
