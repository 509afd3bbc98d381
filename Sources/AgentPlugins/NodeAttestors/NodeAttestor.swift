/// Proves to the server which node this is: the agent's plugin kind NodeAttestor (agent-plugins §1).
///
/// Called by the agent's node attestation, one attestation at a time.
package protocol NodeAttestor: Sendable {
  /// The plugin's name, which is also the attestation type on the wire.
  var name: String { get }

  /// Runs one attestation: `body` speaks with the server. What the plugin reads or opens for it is read anew each time,
  /// and closed when `body` returns.
  ///
  /// - Throws: ``AgentPluginError``, or whatever `body` threw.
  func attest<T: Sendable>(_ body: @Sendable (NodeEvidence) async throws -> T) async throws -> T

  /// Whether there is something to show that the server has not seen from this process: a node that cannot attest again
  /// with what it showed may do it with that.
  func hasNewProof() async -> Bool
}

extension NodeAttestor {
  package func hasNewProof() async -> Bool { false }
}

/// What a plugin gives for one attestation. Used within it only.
package struct NodeEvidence: Sendable {
  /// The first message to the server.
  package let payload: [UInt8]
  /// The answer to a challenge of the server; throws ``AgentPluginError``.
  package let respond: @Sendable (_ challenge: [UInt8]) async throws -> [UInt8]

  package init(payload: [UInt8], respond: @escaping @Sendable (_ challenge: [UInt8]) async throws -> [UInt8]) {
    self.payload = payload
    self.respond = respond
  }
}

extension AgentPluginError {
  /// An error of a node attestor, with the host's words before it.
  static func nodeAttestor(
    _ name: String, _ code: Code, _ message: String, cause: (any Error)? = nil
  ) -> AgentPluginError {
    AgentPluginError(code, "nodeattestor(\(name)): \(message)", cause: cause)
  }
}
