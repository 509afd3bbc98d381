package import Daemon
package import Plugins

/// Every key of the agent's configuration that upstream acts on and this version does not, and what plugins it has.
/// `docs/compatibility.md` lists the same rows; `AgentUnsupportedKeysTests` compares them.
package enum UnsupportedKeys {
  /// All rows: keys, then plugins.
  package static var all: [UnsupportedKey] { keys + plugins.unsupportedKeys }

  /// The rows that are looked for in the file by their path.
  package static let keys: [UnsupportedKey] = [
    .ignored("agent.profiling_enabled", "Go's profiler is not part of this program"),
    .ignored("agent.profiling_port", "Go's profiler is not part of this program"),
    .ignored("agent.profiling_freq", "Go's profiler is not part of this program"),
    .ignored("agent.profiling_names", "Go's profiler is not part of this program"),
  ]

  /// Upstream's built-in plugins, and those of this version.
  package static let plugins = PluginBlocks.Support(
    builtIns: [
      "KeyManager": ["disk", "memory"],
      "NodeAttestor": [
        "aws_iid", "azure_imds", "azure_msi", "gcp_iit", "http_challenge", "join_token", "k8s_psat", "sshpop",
        "tpm_devid", "x509pop",
      ], "WorkloadAttestor": ["docker", "k8s", "slurm", "systemd", "unix"],
      "SVIDStore": ["aws_secretsmanager", "disk", "gcp_secretmanager"],
    ],
    supported: [
      "KeyManager": ["disk", "memory"],
      "NodeAttestor": [
        "aws_iid", "azure_imds", "azure_msi", "gcp_iit", "http_challenge", "join_token", "k8s_psat", "sshpop",
        "tpm_devid", "x509pop",
      ], "WorkloadAttestor": ["docker", "k8s", "slurm", "systemd", "unix"], "SVIDStore": ["disk"],
    ],
    counts: ["KeyManager": .exactly(1), "NodeAttestor": .exactly(1), "WorkloadAttestor": .atLeast(1)])
}
