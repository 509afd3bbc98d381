package import SVIDFiles

/// Keeps X509-SVIDs where programs that cannot ask the Workload API find them: the agent's plugin kind SVIDStore
/// (agent-plugins §11).
///
/// The agent calls it for entries with `store_svid`, for one entry at a time and for several stores at once; must not
/// block the calling thread. An ``AgentPluginError/Code/invalidArgument`` says that the entry's selectors make no sense
/// to the store, so that another try with the same ones is useless; after every other error the agent tries again.
package protocol SVIDStore: Sendable {
  /// The plugin's name, which is also the type of the selectors of its entries.
  var name: String { get }
  /// Stores an SVID, in place of the one that is there for the same metadata.
  ///
  /// - Parameter metadata: the values of the entry's selectors.
  func put(_ svid: X509Material, metadata: [String]) async throws(AgentPluginError)
  /// Removes what was stored for these metadata; nothing there is no error.
  func delete(metadata: [String]) async throws(AgentPluginError)
}
