package import Daemon
package import HCL
package import Plugins

/// The agent's configuration file as written: a property per key, nil where the file is silent. It is turned into an
/// ``AgentConfiguration``, which is what the rest of the agent sees.
package struct AgentConfigFile: Sendable {
  /// The `agent` section.
  package struct Agent: Sendable {
    /// `data_dir`: folder of the agent; default `.`.
    package var dataDir: String?
    /// `admin_socket_path`: socket of the debug, logger and delegated identity APIs; default: none.
    package var adminSocketPath: String?
    /// `allow_unauthenticated_verifiers`: bundles are given to processes without an identity.
    package var allowUnauthenticatedVerifiers: Bool?
    /// `allowed_foreign_jwt_claims`: claims of other domains' tokens that ValidateJWTSVID returns.
    package var allowedForeignJWTClaims: [String]?
    /// `authorized_delegates`: SPIFFE IDs that may use the delegated identity API.
    package var authorizedDelegates: [String]?
    /// `availability_target`: the least remaining lifetime of an SVID, at least 24h.
    package var availabilityTarget: String?
    /// `disable_sds_api`: no secret discovery service for Envoy.
    package var disableSDSAPI: Bool?
    /// `disable_workload_api`: no Workload API.
    package var disableWorkloadAPI: Bool?
    /// `experimental`
    package var experimental: Experimental?
    /// `insecure_bootstrap`: the server is not verified at first contact.
    package var insecureBootstrap: Bool?
    /// `rebootstrap_mode`: what to do when the server's CA is unknown; `never`, `auto` or `always`.
    package var rebootstrapMode: String?
    /// `rebootstrap_delay`: how long that must last first; default 10m.
    package var rebootstrapDelay: String?
    /// `join_token`: a token that works once.
    package var joinToken: String?
    /// `join_token_file`: a file that holds it.
    package var joinTokenFile: String?
    /// `log_file`, default: standard output.
    package var logFile: String?
    /// `log_level`, default `INFO`.
    package var logLevel: String?
    /// `log_format`: `text` or `json`.
    package var logFormat: String?
    /// `log_selectors`: prefixes of the selectors that may appear in the log.
    package var logSelectors: [String]?
    /// `log_source_location`: log records name file and function.
    package var logSourceLocation: Bool?
    /// `profiling_enabled`: Go's profiler.
    package var profilingEnabled: Bool?
    /// `profiling_port`: its port.
    package var profilingPort: Int?
    /// `profiling_freq`: seconds between its dumps.
    package var profilingFreq: Int?
    /// `profiling_names`: the profiles to dump.
    package var profilingNames: [String]?
    /// `sds`: names in the secret discovery service.
    package var sds: SDS?
    /// `server_address`: the server's host; required.
    package var serverAddress: String?
    /// `server_port`: its port; required.
    package var serverPort: Int?
    /// `socket_path`: the workloads' socket; default `/tmp/spire-agent/public/api.sock`.
    package var socketPath: String?
    /// `trust_bundle_path`: a file with the server's CA.
    package var trustBundlePath: String?
    /// `trust_bundle_url`: an address to fetch it from.
    package var trustBundleURL: String?
    /// `trust_bundle_unix_socket`: the socket to fetch it through.
    package var trustBundleUnixSocket: String?
    /// `trust_bundle_spiffe_workload_api`: another Workload API to get it from.
    package var trustBundleSPIFFEWorkloadAPI: String?
    /// `trust_bundle_format`: `pem` or `spiffe`; default `pem`.
    package var trustBundleFormat: String?
    /// `trust_domain`: required.
    package var trustDomain: String?
    /// `workload_x509_svid_key_type`: kind of workloads' keys; default `ec-p256`.
    package var workloadX509SVIDKeyType: String?
    /// `x509_svid_cache_max_size`: how many X509-SVIDs are kept when nobody asks for them; default 1000.
    package var x509SVIDCacheMaxSize: Int?
    /// `jwt_svid_cache_max_size`: how many JWT-SVIDs are kept; default 1000.
    package var jwtSVIDCacheMaxSize: Int?
  }

  /// `agent.sds`; unknown keys in it are not reported.
  package struct SDS: Sendable {
    /// `default_svid_name`, default `default`.
    package var defaultSVIDName: String?
    /// `default_bundle_name`, default `ROOTCA`.
    package var defaultBundleName: String?
    /// `default_all_bundles_name`, default `ALL`.
    package var defaultAllBundlesName: String?
    /// `disable_spiffe_cert_validation`, default false.
    package var disableSPIFFECertValidation: Bool?
  }

  /// `agent.experimental`; unknown keys directly in it are not reported.
  package struct Experimental: Sendable {
    /// `sync_interval`: how often the server is asked for changes; default 5s.
    package var syncInterval: String?
    /// `jwt_svid_cache_hit_timeout`: how long a fresh token is waited for while an old one is valid; default 30s.
    package var jwtSVIDCacheHitTimeout: String?
    /// `named_pipe_name`: Windows only.
    package var namedPipeName: String?
    /// `admin_named_pipe_name`: Windows only.
    package var adminNamedPipeName: String?
    /// `use_sync_authorized_entries`: only changes are fetched; default true.
    package var useSyncAuthorizedEntries: Bool?
    /// `require_pq_kem`: only post-quantum key exchange.
    package var requirePQKEM: Bool?
    /// `feature_flags`: switches for developers.
    package var featureFlags: [String]?
    /// `ratelimit`: calls per second per kind of caller.
    package var rateLimit: RateLimit?
    /// `broker`: the broker API.
    package var broker: AgentBrokerFile?
    /// Whether any key of the section asks for something.
    package var isInUse = false
  }

  /// `agent.experimental.ratelimit`; 0 or absent is no limit.
  package struct RateLimit: Sendable {
    /// `fetch_x509_svid`
    package var fetchX509SVID: Int?
    /// `fetch_jwt_svid`
    package var fetchJWTSVID: Int?
    /// `fetch_x509_bundles`
    package var fetchX509Bundles: Int?
    /// `fetch_jwt_bundles`
    package var fetchJWTBundles: Int?
    /// `stream_secrets`
    package var streamSecrets: Int?
    /// `fetch_secrets`
    package var fetchSecrets: Int?
  }

  package let document: HCLDocument
  package var agent = Agent()
  /// The `plugins` section; nil when the file has none.
  package var plugins: PluginBlocks?
  /// The `telemetry` section.
  package var telemetry: TelemetryFile?
  /// The `health_checks` section.
  package var healthChecks: HealthChecksFile?
  package private(set) var unknownKeys: [HCLDecoding.UnknownKeys] = []
  package private(set) var positions: [String: HCLPosition] = [:]

  /// Reads the model from a parsed file.
  ///
  /// - Throws: the values whose types do not fit, all of them.
  package init(_ document: HCLDocument) throws(HCLError) {
    self.document = document
    let decoding = HCLDecoding(document)
    var root = decoding.root
    if var section = root.section("agent") {
      agent = Agent(&section)
      section.reportUnknownKeys(as: "agent")
    }
    plugins = PluginBlocks(&root, file: document.file)
    if var section = root.section("telemetry") { telemetry = TelemetryFile(&section) }
    if var section = root.section("health_checks") { healthChecks = HealthChecksFile(&section) }
    root.reportUnknownKeys(as: "top-level")
    try decoding.finish()
    unknownKeys = decoding.unknownKeys
    positions = decoding.positions
  }
}
