package import Plugins

/// The block `NodeAttestor "join_token"`. It exists so that the block is accepted: tokens work with and without it,
/// since AttestAgent consumes them in the datastore.
package struct JoinTokenAttestor: NodeAttestor {
  /// Takes an empty configuration.
  package static let plugin = BuiltInPlugin<any NodeAttestor>(
    "join_token", make: { _ in JoinTokenAttestor() }, configure: { _, _ in })

  package var name: String { "join_token" }

  package func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
    throw ServerPluginError(.unimplemented, "join tokens are consumed by the server itself")
  }
}
