/// A node attestor that asks its platform for what it sends to the server, and opens nothing that would have to be closed.
package protocol PlatformAttestor: NodeAttestor {
  /// The first message to the server.
  func payload() async throws(AgentPluginError) -> [UInt8]
  /// The answer to a challenge of the server.
  func response(to challenge: [UInt8]) async throws(AgentPluginError) -> [UInt8]
}

extension PlatformAttestor {
  package func attest<T: Sendable>(_ body: @Sendable (NodeEvidence) async throws -> T) async throws -> T {
    try await body(NodeEvidence(payload: try await payload()) { try await response(to: $0) })
  }
}
