package import Daemon
package import Plugins

/// Every key of the server's configuration that upstream acts on and this version does not, and what plugins it has.
/// `docs/compatibility.md` lists the same rows; `ServerUnsupportedKeysTests` compares them.
package enum UnsupportedKeys {
  /// All rows: keys, then plugins.
  package static var all: [UnsupportedKey] { keys + plugins.unsupportedKeys }

  /// The rows that are looked for in the file by their path.
  package static let keys: [UnsupportedKey] = [
    .refused(
      "server.proxy_protocol_trusted_cidrs", "callers would be known by the load balancer's address, not their own"),
    .refused(
      "server.experimental.auth_opa_policy_engine", "the built-in authorization policy would decide who may call"),
    .ignored("server.profiling_enabled", "Go's profiler is not part of this program"),
    .ignored("server.profiling_port", "Go's profiler is not part of this program"),
    .ignored("server.profiling_freq", "Go's profiler is not part of this program"),
    .ignored("server.profiling_names", "Go's profiler is not part of this program"),
    .ignored("server.experimental.events_based_cache", "changes always reach the entry cache through events"),
  ]

  /// Upstream's built-in plugins, and those of this version.
  package static let plugins = PluginBlocks.Support(
    builtIns: [
      "DataStore": ["sql"],
      "KeyManager": ["aws_kms", "azure_key_vault", "disk", "gcp_kms", "hashicorp_vault", "memory"],
      "NodeAttestor": [
        "aws_iid", "azure_imds", "azure_msi", "gcp_iit", "http_challenge", "join_token", "k8s_psat", "sshpop",
        "tpm_devid", "x509pop",
      ], "UpstreamAuthority": ["aws_pca", "awssecret", "cert-manager", "disk", "ejbca", "gcp_cas", "spire", "vault"],
      "Notifier": ["gcs_bundle", "k8sbundle"],
      "BundlePublisher": [
        "aws_rolesanywhere_trustanchor", "aws_s3", "azure_blob", "gcp_cloudstorage", "k8s_configmap",
      ], "CredentialComposer": ["uniqueid"],
    ],
    supported: [
      "DataStore": ["sql"], "KeyManager": ["disk", "hashicorp_vault", "memory"],
      "NodeAttestor": [
        "aws_iid", "azure_imds", "azure_msi", "gcp_iit", "http_challenge", "join_token", "k8s_psat", "sshpop",
        "tpm_devid", "x509pop",
      ], "UpstreamAuthority": ["disk", "spire", "vault"], "CredentialComposer": ["uniqueid"],
    ],
    counts: ["KeyManager": .exactly(1), "UpstreamAuthority": .atMost(1)])
}
