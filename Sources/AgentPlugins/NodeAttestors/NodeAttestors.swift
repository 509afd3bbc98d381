package import Plugins

/// The agent's plugins of type NodeAttestor: one line each.
package enum NodeAttestors {
  package static let type = PluginType<any NodeAttestor>(
    "NodeAttestor", .exactly(1),
    builtIns: [
      AWSIIDAttestor.plugin, AzureIMDSAttestor.plugin, AzureMSIAttestor.plugin, GCPIITAttestor.plugin,
      JoinTokenAttestor.plugin, K8sPSATAttestor.plugin,
    ])
}

extension JoinTokenAttestor {
  /// Takes no configuration. A token that was given makes the agent use an attestor of its own instead.
  static let plugin = BuiltInPlugin<any NodeAttestor>(pluginName, make: { _ in JoinTokenAttestor(token: nil) })
}
