/// Attests with a one-time token that an operator handed over (agent-behaviour §3). Immutable.
///
/// A token given by flag, configuration or file selects this attestor whatever plugin is configured.
package struct JoinTokenAttestor: NodeAttestor {
  package static let pluginName = "join_token"

  private let token: String?

  /// - Parameter token: the token, or nil when the plugin is configured but nobody gave a token.
  package init(token: String?) { self.token = token }

  package var name: String { Self.pluginName }

  package func attest<T: Sendable>(_ body: @Sendable (NodeEvidence) async throws -> T) async throws -> T {
    guard let token, !token.isEmpty else {
      throw AgentPluginError(
        .invalidArgument,
        "nodeattestor(join_token): no join token was given; create one with 'spire-server token generate' and pass it "
          + "with -joinToken, join_token or join_token_file")
    }
    return try await body(
      NodeEvidence(payload: Array(token.utf8)) { _ in
        throw AgentPluginError(.internalError, "nodeattestor(join_token): server issued unexpected challenge")
      })
  }
}
