package import Plugins

/// The server's plugins of type NodeAttestor: one line each.
package enum NodeAttestors {
  package static func type(host: any NodeAttestorHost) -> PluginType<any NodeAttestor> {
    PluginType(
      "NodeAttestor", .any,
      builtIns: [
        AWSIIDAttestor.plugin(host), AzureIMDSAttestor.plugin(host), AzureMSIAttestor.plugin(host),
        GCPIITAttestor.plugin(host), HTTPChallengeAttestor.plugin(host), JoinTokenAttestor.plugin,
        K8sPSATAttestor.plugin(host), SSHPoPAttestor.plugin(host), TPMDevIDAttestor.plugin(host),
        X509PoPAttestor.plugin(host),
      ])
  }
}
