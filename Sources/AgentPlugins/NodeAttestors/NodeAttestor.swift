/// Proves to the server which node this is: the agent's plugin kind NodeAttestor (agent-plugins §1).
///
/// Called by the agent's node attestation, one attestation at a time.
package protocol NodeAttestor: Sendable {
  /// The plugin's name, which is also the attestation type on the wire.
  var name: String { get }
  /// The first message to the server.
  func payload() async throws(AgentPluginError) -> [UInt8]
  /// The answer to a challenge of the server.
  func response(to challenge: [UInt8]) async throws(AgentPluginError) -> [UInt8]
}
