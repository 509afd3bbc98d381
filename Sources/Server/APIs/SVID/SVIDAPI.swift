import SPIREProtos

/// The service `spire.api.server.svid.v1.SVID`: issues identities, to operators and to agents for their workloads.
///
/// One file per method beside this one; who may call each is in `SVIDMethods.swift`. A value without state of its own.
package struct SVIDAPI: Spire_Api_Server_Svid_V1_SVID.SimpleServiceProtocol {
  let server: ServerParts

  package init(_ server: ServerParts) { self.server = server }
}
