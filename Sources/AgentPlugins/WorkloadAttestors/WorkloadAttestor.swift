/// Finds out facts about a process on this host: the agent's plugin kind WorkloadAttestor (agent-plugins §3-§8).
///
/// Called concurrently, once per Workload API call; must not block the calling thread.
package protocol WorkloadAttestor: Sendable {
  /// The plugin's name, which is also the type of its selectors.
  var name: String { get }
  /// The values of the selectors of process `pid`, in the plugin's order. Their type is ``name``.
  func attest(pid: Int32) async throws(AgentPluginError) -> [String]
}
