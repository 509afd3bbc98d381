package import Plugins

/// The agent's plugins of type WorkloadAttestor: one line each.
package enum WorkloadAttestors {
  package static let type = PluginType<any WorkloadAttestor>(
    "WorkloadAttestor", .atLeast(1),
    builtIns: [
      DockerAttestor.plugin, KubernetesAttestor.plugin, SlurmAttestor.plugin, SystemdAttestor.plugin,
      UnixAttestor.plugin,
    ])
}
