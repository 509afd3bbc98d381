import RPC
import SPIREProtos

/// The service `swiftspire.server.watch.v1.Watch`: agents are told at once what changed for them. Upstream has nothing
/// like it; docs/propagation.md describes the protocol.
///
/// One file per method beside this one; who may call each is in `WatchMethods.swift`. A value without state of its own:
/// the streams are known to ``EntryModelKeeper``.
package struct WatchAPI: Swiftspire_Server_Watch_V1_Watch.SimpleServiceProtocol {
  let server: ServerParts
  /// Who is asked again when an agent's standing changed under an open stream.
  let authorizer: any CallAuthorizer

  init(_ server: ServerParts, authorizer: any CallAuthorizer) {
    self.server = server
    self.authorizer = authorizer
  }
}
