package import Daemon
package import HCL
package import Plugins

/// The server's configuration file as written: a property per key, nil where the file is silent. It is turned into a
/// ``ServerConfiguration``, which is what the rest of the server sees.
package struct ServerConfigFile: Sendable {
  /// The `server` section.
  package struct Server: Sendable {
    /// `admin_ids`: SPIFFE IDs, of any trust domain, that may call as administrators.
    package var adminIDs: [String]?
    /// `agent_ttl`: lifetime of agents' SVIDs; default: that of `default_x509_svid_ttl`.
    package var agentTTL: String?
    /// `audit_log_enabled`: one log record per API call that changes something; default false.
    package var auditLogEnabled: Bool?
    /// `bind_address`: where agents connect to; default `0.0.0.0`.
    package var bindAddress: String?
    /// `bind_port`, default 8081.
    package var bindPort: Int?
    /// `ca_key_type`: kind of the CA's and the token signer's keys; default `ec-p256`.
    package var caKeyType: String?
    /// `jwt_key_type`: kind of the token signer's key alone.
    package var jwtKeyType: String?
    /// `ca_subject`: subject of the CA's certificate.
    package var caSubject: CASubject?
    /// `ca_ttl`: lifetime of the CA's certificate and of signing keys; default 24h.
    package var caTTL: String?
    /// `data_dir`: folder of the server; required.
    package var dataDir: String?
    /// `default_x509_svid_ttl`: lifetime of X509-SVIDs whose entry names none; default 1h.
    package var defaultX509SVIDTTL: String?
    /// `default_jwt_svid_ttl`: lifetime of JWT-SVIDs whose entry names none; default 5m.
    package var defaultJWTSVIDTTL: String?
    /// `disable_jwt_svids`: no JWT keys, no JWT-SVIDs.
    package var disableJWTSVIDs: Bool?
    /// `experimental`
    package var experimental: Experimental?
    /// `federation`: bundle exchange with other trust domains.
    package var federation: ServerFederationFile?
    /// `jwt_issuer`: the `iss` claim of JWT-SVIDs.
    package var jwtIssuer: String?
    /// `log_file`, default: standard output.
    package var logFile: String?
    /// `log_format`: `text` or `json`.
    package var logFormat: String?
    /// `log_level`, default `INFO`.
    package var logLevel: String?
    /// `log_source_location`: log records name file and function.
    package var logSourceLocation: Bool?
    /// `max_attested_node_info_staleness`: how old cached information on a node may be; default 0.
    package var maxAttestedNodeInfoStaleness: String?
    /// `profiling_enabled`: Go's profiler.
    package var profilingEnabled: Bool?
    /// `profiling_port`: its port.
    package var profilingPort: Int?
    /// `profiling_freq`: seconds between its dumps.
    package var profilingFreq: Int?
    /// `profiling_names`: the profiles to dump.
    package var profilingNames: [String]?
    /// `proxy_protocol_trusted_cidrs`: load balancers whose PROXY headers are believed.
    package var proxyProtocolTrustedCIDRs: [String]?
    /// `prune_attested_nodes_expired_for`: nodes expired for longer are deleted; default: never.
    package var pruneAttestedNodesExpiredFor: String?
    /// `prune_attested_nodes_batch_size`, default 1000.
    package var pruneAttestedNodesBatchSize: Int?
    /// `prune_tofu_nodes`: nodes that cannot attest again are deleted too.
    package var pruneTOFUNodes: Bool?
    /// `ratelimit`
    package var rateLimit: RateLimit?
    /// `socket_path`: the admin socket; default `/tmp/spire-server/private/api.sock`.
    package var socketPath: String?
    /// `trust_domain`: required.
    package var trustDomain: String?
  }

  /// `server.ca_subject`
  package struct CASubject: Sendable {
    /// `country`, default `US`.
    package var country: [String]?
    /// `organization`, default `SPIFFE`.
    package var organization: [String]?
    /// `common_name`, default: none.
    package var commonName: String?
  }

  /// `server.ratelimit`
  package struct RateLimit: Sendable {
    /// `attestation`: limit attestations per address; default true.
    package var attestation: Bool?
    /// `signing`: limit signings per address; default true.
    package var signing: Bool?
  }

  /// `server.experimental`; unknown keys in it are not reported.
  package struct Experimental: Sendable {
    /// `agent_spiffe_id_as_selector`: attested agents get the selector `spiffe_id:<their ID>`.
    package var agentSPIFFEIDAsSelector: Bool?
    /// `auth_opa_policy_engine`: an authorization policy of one's own.
    package var hasAuthOPAPolicyEngine = false
    /// `cache_reload_interval`: how often changes of other servers are looked for; default 1s.
    package var cacheReloadInterval: String?
    /// `full_cache_reload_interval`: how often everything is read again; default 24h.
    package var fullCacheReloadInterval: String?
    /// `events_based_cache`: events are followed whatever it says.
    package var eventsBasedCache: Bool?
    /// `prune_events_older_than`, default 12h.
    package var pruneEventsOlderThan: String?
    /// `event_timeout`: how long gaps in the events are waited for; default 15m.
    package var eventTimeout: String?
    /// `sql_transaction_timeout`: old name of `event_timeout`.
    package var sqlTransactionTimeout: String?
    /// `require_pq_kem`: only post-quantum key exchange.
    package var requirePQKEM: Bool?
    /// `wit_key_type`: kind of the WIT signer's key; without effect unless the feature flag `wit-svid` is set.
    package var witKeyType: String?
    /// `wit_issuer`: issuer of WIT-SVIDs; as `wit_key_type`.
    package var witIssuer: String?
    /// `feature_flags`: switches for developers.
    package var featureFlags: [String]?
    /// `named_pipe_name`: Windows only.
    package var namedPipeName: String?
    /// Whether any key of the section asks for something.
    package var isInUse = false
  }

  package let document: HCLDocument
  package var server = Server()
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
    if var section = root.section("server") {
      server = Server(&section)
      section.reportUnknownKeys(as: "server")
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
