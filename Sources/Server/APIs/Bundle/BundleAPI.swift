import SPIREProtos

/// The service `spire.api.server.bundle.v1.Bundle`: the bundles of this trust domain and of federated ones.
///
/// One file per method beside this one; who may call each is in `BundleMethods.swift`. A value without state of its own.
package struct BundleAPI: Spire_Api_Server_Bundle_V1_Bundle.SimpleServiceProtocol {
  let server: ServerParts

  package init(_ server: ServerParts) { self.server = server }
}
