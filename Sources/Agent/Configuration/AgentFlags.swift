/// The flags of `spire-agent run` and `validate`. A value that is empty, 0 or false leaves the file's value in place.
package struct AgentFlags: Sendable {
  /// `-config`
  package var config = "conf/agent/agent.conf"
  /// `-expandEnv`: `$VAR` and `${VAR}` in the file are replaced.
  package var expandEnv = false
  /// `-dataDir`: `data_dir`
  package var dataDir = ""
  /// `-joinToken`: `join_token`
  package var joinToken = ""
  /// `-joinTokenFile`: `join_token_file`
  package var joinTokenFile = ""
  /// `-logFile`: `log_file`
  package var logFile = ""
  /// `-logFormat`: `log_format`
  package var logFormat = ""
  /// `-logLevel`: `log_level`
  package var logLevel = ""
  /// `-logSourceLocation`: `log_source_location`
  package var logSourceLocation = false
  /// `-serverAddress`: `server_address`
  package var serverAddress = ""
  /// `-serverPort`: `server_port`
  package var serverPort = 0
  /// `-socketPath`: `socket_path`
  package var socketPath = ""
  /// `-trustDomain`: `trust_domain`
  package var trustDomain = ""
  /// `-disableWorkloadAPI`: `disable_workload_api`
  package var disableWorkloadAPI = false
  /// `-disableSDSAPI`: `disable_sds_api`
  package var disableSDSAPI = false
  /// `-trustBundle`: `trust_bundle_path`
  package var trustBundle = ""
  /// `-trustBundleUrl`: `trust_bundle_url`
  package var trustBundleURL = ""
  /// `-trustBundleFormat`: `trust_bundle_format`
  package var trustBundleFormat = ""
  /// `-allowUnauthenticatedVerifiers`: `allow_unauthenticated_verifiers`
  package var allowUnauthenticatedVerifiers = false
  /// `-insecureBootstrap`: `insecure_bootstrap`
  package var insecureBootstrap = false
  /// `-rebootstrapMode`: `rebootstrap_mode`
  package var rebootstrapMode = ""
  /// `-rebootstrapDelay`: `rebootstrap_delay`
  package var rebootstrapDelay = ""

  package init() {}
}
