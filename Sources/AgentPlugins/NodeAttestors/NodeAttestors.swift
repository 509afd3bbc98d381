package import Plugins

/// The agent's plugins of type NodeAttestor: one line each.
package enum NodeAttestors {
  /// - Parameter identities: where `x509pop` finds an X509-SVID of another Workload API.
  package static func type(identities: any WorkloadIdentitySource) -> PluginType<any NodeAttestor> {
    PluginType(
      "NodeAttestor", .exactly(1),
      builtIns: [
        AWSIIDAttestor.plugin, AzureIMDSAttestor.plugin, AzureMSIAttestor.plugin, GCPIITAttestor.plugin,
        HTTPChallengeAttestor.plugin, JoinTokenAttestor.plugin, K8sPSATAttestor.plugin, SSHPoPAttestor.plugin,
        TPMDevIDAttestor.plugin, X509PoPAttestor.plugin(identities),
      ])
  }
}

extension JoinTokenAttestor {
  /// Takes no configuration. A token that was given makes the agent use an attestor of its own instead.
  static let plugin = BuiltInPlugin<any NodeAttestor>(pluginName, make: { _ in JoinTokenAttestor(token: nil) })
}
