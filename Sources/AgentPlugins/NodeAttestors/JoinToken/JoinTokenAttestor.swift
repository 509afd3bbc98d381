package import Daemon
import Keys
import Synchronization

/// Attests with a one-time token that an operator handed over (agent-behaviour §3). Remembers which one it showed, so that
/// a new one in its file is noticed; a mutex guards that.
///
/// A token given by flag, configuration or file selects this attestor whatever plugin is configured.
package final class JoinTokenAttestor: NodeAttestor {
  package static let pluginName = "join_token"
  /// What an operator has to do when a token is needed.
  package static let advice =
    "create a join token on the server with `spire-server token generate -spiffeID <parent ID of this node's entries>`"
    + " and start the agent with it (-joinToken, join_token), or write it to the agent's join_token_file"

  private let token: String?
  private let file: String?
  private let shown = Mutex<String?>(nil)

  /// - Parameters:
  ///   - token: the token, or nil when the plugin is configured but nobody gave a token.
  ///   - file: `join_token_file`, which is read again for each attestation.
  package init(token: String?, file: String? = nil) {
    self.token = token
    self.file = file
  }

  package var name: String { Self.pluginName }

  package func attest<T: Sendable>(_ body: @Sendable (NodeEvidence) async throws -> T) async throws -> T {
    guard let token = await current(), !token.isEmpty else {
      throw AgentPluginError(
        .failedPrecondition, "nodeattestor(join_token): no join token was given; \(Self.advice)")
    }
    shown.withLock { $0 = token }
    return try await body(
      NodeEvidence(payload: Array(token.utf8)) { _ in
        throw AgentPluginError(.internalError, "nodeattestor(join_token): server issued unexpected challenge")
      })
  }

  /// Whether there is a token that was not shown to the server since the agent started.
  package func hasNewProof() async -> Bool {
    guard let token = await current(), !token.isEmpty else { return false }
    return token != shown.withLock { $0 }
  }

  /// The file's token of the moment, else the one of the start.
  private func current() async -> String? {
    guard let file else { return token }
    guard let found = try? await BackgroundWork.run({ try Self.read(file) }), !found.isEmpty else { return token }
    return found
  }

  /// A file's token without the white space around it; nil when there is no such file.
  package static func read(_ path: String) throws(FileError) -> String? {
    guard let bytes = try BoundedFile.read(path, limit: 4096) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    return String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
