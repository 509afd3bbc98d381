package import SPIFFE

/// Finds out facts about a process on this host: the agent's plugin kind WorkloadAttestor (agent-plugins §3-§8).
///
/// Called concurrently, once per Workload API call; must not block the calling thread.
package protocol WorkloadAttestor: Sendable {
  /// The plugin's name, which is also the type of its selectors.
  var name: String { get }
  /// The longest that a call may take by the attestor's own rules, when all goes as it should. A caller is told at this
  /// time that the attestor failed; its task is cancelled, and left alone should it not care.
  var patience: Duration { get }
  /// The same as ``attest(pid:)`` when the answer can be given without waiting; else `nil`. It is asked first.
  func attestAtOnce(pid: Int32) -> Result<[String], AgentPluginError>?
  /// The values of the selectors of process `pid`, in the plugin's order. Their type is ``name``.
  func attest(pid: Int32) async throws(AgentPluginError) -> [String]
  /// The values of the selectors of what `reference` names, for the broker `broker`; its identity is proven already.
  ///
  /// Throws ``AgentPluginError/Code/unimplemented`` for a kind of reference that this attestor does not know.
  func attest(_ reference: WorkloadReference, for broker: SPIFFEID?) async throws(AgentPluginError) -> [String]
}

extension WorkloadAttestor {
  package var patience: Duration { .seconds(60) }

  package func attestAtOnce(pid: Int32) -> Result<[String], AgentPluginError>? { nil }

  /// An attestor that knows processes alone.
  package func attest(
    _ reference: WorkloadReference, for broker: SPIFFEID?
  ) async throws(AgentPluginError) -> [String] {
    guard case .pid(let pid) = reference else {
      throw AgentPluginError(.unimplemented, "workloadattestor(\(name)): only processes can be attested")
    }
    return try await attest(pid: pid)
  }
}
