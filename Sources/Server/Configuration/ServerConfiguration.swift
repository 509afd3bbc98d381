package import Daemon
package import DatastoreAPI
package import Keys
package import Plugins
package import SPIFFE
package import TLS

/// What the server is told to do, checked and typed. Built once at start from file and flags; `ServerRuntime` hands each
/// part what it needs. Immutable after that.
package struct ServerConfiguration: Sendable {
  /// The subject of the CA's certificate.
  package struct Subject: Hashable, Sendable {
    package var country: [String] = ["US"]
    package var organization: [String] = ["SPIFFE"]
    package var commonName = ""

    package init() {}
  }

  /// The address as configured, for messages.
  package var bindAddress: String
  /// The address as numbers, IPv4 or IPv6.
  package var bindIP: String
  package var bindPort: Int
  /// From the root.
  package var socketPath: String
  package var trustDomain: TrustDomain
  package var dataDirectory: String
  package var log: LogSettings
  package var caKeyType: KeyType
  package var jwtKeyType: KeyType
  package var witKeyType: KeyType
  package var caSubject: Subject
  package var caTTL: Duration
  package var agentTTL: Duration
  package var defaultX509SVIDTTL: Duration
  package var defaultJWTSVIDTTL: Duration
  package var areJWTSVIDsDisabled: Bool
  /// Empty for none.
  package var jwtIssuer: String
  /// The feature flag `wit-svid`.
  package var areWITSVIDsEnabled: Bool
  /// Empty for none.
  package var witIssuer: String
  package var isAuditLogEnabled: Bool
  package var limitsAttestation: Bool
  package var limitsSigning: Bool
  package var adminIDs: [SPIFFEID]
  package var maxAttestedNodeInfoStaleness: Duration
  /// Nil: attested nodes are not pruned.
  package var pruneAttestedNodesExpiredFor: Duration?
  package var pruneAttestedNodesBatchSize: Int
  package var pruneTOFUNodes: Bool
  package var agentSPIFFEIDAsSelector: Bool
  /// The relationships of `federation.federates_with`, one per trust domain.
  package var federatesWith: [FederationRelationship]
  /// How other servers' changes are followed.
  package var events: EventSettings
  /// `federation.bundle_endpoint`; nil: the bundle is not served.
  package var bundleEndpoint: BundleEndpointSettings?
  /// What every TLS handshake of the server must keep, as a server and as a client.
  package var tls: TLSPolicy
  /// The `DataStore "sql"` block.
  package var datastore: PluginConfiguration
  /// All other blocks, in the order of the file, disabled ones included.
  package var plugins: [PluginConfiguration]
  package var telemetry: TelemetrySettings
  package var healthChecks: HealthCheckSettings
  /// What to log once there is a log: warnings.
  package var notices: [ConfigurationNotice]

  /// Reads and checks the file that `flags` name.
  ///
  /// - Throws: everything that is wrong with it; the error also carries what should be logged.
  package static func load(
    _ flags: ServerFlags, environment: [String: String]
  ) throws(ConfigurationError) -> ServerConfiguration {
    let document = try ConfigurationFile.read(flags.config, expandEnvironment: flags.expandEnv ? environment : nil)
    let file: ServerConfigFile
    do {
      file = try ServerConfigFile(document)
    } catch {
      throw ConfigurationFile.malformed(flags.config, error)
    }
    return try ServerConfiguration(file, flags: flags)
  }
}
