package import Daemon
package import Keys
package import Plugins
package import SPIFFE
package import TLS

/// What the agent is told to do, checked and typed. Built once at start from file and flags; `AgentRuntime` hands each
/// part what it needs. Immutable after that. It may hold a join token: it is never printed.
package struct AgentConfiguration: Sendable {
  /// Calls per second of each kind of caller; 0 is no limit.
  package struct RateLimits: Hashable, Sendable {
    package var fetchX509SVID = 0
    package var fetchJWTSVID = 0
    package var fetchX509Bundles = 0
    package var fetchJWTBundles = 0
    package var streamSecrets = 0
    package var fetchSecrets = 0

    package init() {}
  }

  package var dataDirectory: String
  package var trustDomain: TrustDomain
  package var serverAddress: String
  package var serverPort: Int
  /// How the server is recognised before there is a bundle.
  package var bootstrap: BootstrapSource
  package var rebootstrapMode: Rebootstrap.Mode
  package var rebootstrapDelay: Duration
  /// From the flag, the file or `join_token_file`; nil for another attestation.
  package var joinToken: String?
  /// Where the token came from, if from a file: it may get another one.
  package var joinTokenFile: String?
  /// The workloads' socket, from the root.
  package var socketPath: String
  /// The operators' socket, from the root; nil for none.
  package var adminSocketPath: String?
  /// Who may use the delegated identity API on it.
  package var authorizedDelegates: Set<SPIFFEID>
  /// The broker API; nil for none.
  package var broker: BrokerSettings?
  package var isWorkloadAPIEnabled: Bool
  package var isSDSAPIEnabled: Bool
  /// What Envoys may ask for by name.
  package var secretNames: SecretNames
  package var allowUnauthenticatedVerifiers: Bool
  package var allowedForeignJWTClaims: [String]
  /// At least 24 hours; nil for rotation at half of the lifetime.
  package var availabilityTarget: Duration?
  package var workloadX509SVIDKeyType: KeyType
  package var x509SVIDCacheMaxSize: Int
  package var jwtSVIDCacheMaxSize: Int
  package var syncInterval: Duration
  package var jwtSVIDCacheHitTimeout: Duration
  package var usesSyncAuthorizedEntries: Bool
  package var rateLimits: RateLimits
  /// The feature flag `wit-svid`.
  package var areWITSVIDsEnabled: Bool
  /// What every TLS handshake of the agent must keep.
  package var tls: TLSPolicy
  package var log: LogSettings
  package var logSelectors: [String]
  /// All blocks, in the order of the file, disabled ones included.
  package var plugins: [PluginConfiguration]
  package var telemetry: TelemetrySettings
  package var healthChecks: HealthCheckSettings
  /// What to log once there is a log: warnings.
  package var notices: [ConfigurationNotice]

  /// Reads and checks the file that `flags` name.
  ///
  /// - Throws: everything that is wrong with it; the error also carries what should be logged.
  package static func load(
    _ flags: AgentFlags, environment: [String: String]
  ) throws(ConfigurationError) -> AgentConfiguration {
    let document = try ConfigurationFile.read(flags.config, expandEnvironment: flags.expandEnv ? environment : nil)
    let file: AgentConfigFile
    do {
      file = try AgentConfigFile(document)
    } catch {
      throw ConfigurationFile.malformed(flags.config, error)
    }
    return try AgentConfiguration(file, flags: flags)
  }
}
