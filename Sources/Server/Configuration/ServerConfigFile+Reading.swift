import HCL

extension ServerConfigFile.Server {
  init(_ section: inout HCLSection) {
    adminIDs = section.strings("admin_ids")
    agentTTL = section.string("agent_ttl")
    auditLogEnabled = section.bool("audit_log_enabled")
    bindAddress = section.string("bind_address")
    bindPort = section.int("bind_port")
    caKeyType = section.string("ca_key_type")
    jwtKeyType = section.string("jwt_key_type")
    caTTL = section.string("ca_ttl")
    dataDir = section.string("data_dir")
    defaultX509SVIDTTL = section.string("default_x509_svid_ttl")
    defaultJWTSVIDTTL = section.string("default_jwt_svid_ttl")
    disableJWTSVIDs = section.bool("disable_jwt_svids")
    jwtIssuer = section.string("jwt_issuer")
    logFile = section.string("log_file")
    logFormat = section.string("log_format")
    logLevel = section.string("log_level")
    logSourceLocation = section.bool("log_source_location")
    maxAttestedNodeInfoStaleness = section.string("max_attested_node_info_staleness")
    profilingEnabled = section.bool("profiling_enabled")
    profilingPort = section.int("profiling_port")
    profilingFreq = section.int("profiling_freq")
    profilingNames = section.strings("profiling_names")
    proxyProtocolTrustedCIDRs = section.strings("proxy_protocol_trusted_cidrs")
    pruneAttestedNodesExpiredFor = section.string("prune_attested_nodes_expired_for")
    pruneAttestedNodesBatchSize = section.int("prune_attested_nodes_batch_size")
    pruneTOFUNodes = section.bool("prune_tofu_nodes")
    socketPath = section.string("socket_path")
    trustDomain = section.string("trust_domain")
    if var inner = section.section("ca_subject") {
      caSubject = ServerConfigFile.CASubject(&inner)
      inner.reportUnknownKeys(as: "ca_subject")
    }
    if var inner = section.section("ratelimit") {
      rateLimit = .init(attestation: inner.bool("attestation"), signing: inner.bool("signing"))
      inner.reportUnknownKeys(as: "ratelimit")
    }
    if var inner = section.section("federation") { federation = ServerFederationFile(&inner) }
    if var inner = section.section("experimental") { experimental = ServerConfigFile.Experimental(&inner) }
  }
}

extension ServerConfigFile.CASubject {
  init(_ section: inout HCLSection) {
    country = section.strings("country")
    organization = section.strings("organization")
    commonName = section.string("common_name")
  }
}

extension ServerConfigFile.Experimental {
  init(_ section: inout HCLSection) {
    agentSPIFFEIDAsSelector = section.bool("agent_spiffe_id_as_selector")
    hasAuthOPAPolicyEngine = section.section("auth_opa_policy_engine") != nil
    cacheReloadInterval = section.string("cache_reload_interval")
    fullCacheReloadInterval = section.string("full_cache_reload_interval")
    eventsBasedCache = section.bool("events_based_cache")
    pruneEventsOlderThan = section.string("prune_events_older_than")
    eventTimeout = section.string("event_timeout")
    sqlTransactionTimeout = section.string("sql_transaction_timeout")
    requirePQKEM = section.bool("require_pq_kem")
    witKeyType = section.string("wit_key_type")
    witIssuer = section.string("wit_issuer")
    featureFlags = section.strings("feature_flags")
    namedPipeName = section.string("named_pipe_name")
    let keys = [
      "agent_spiffe_id_as_selector", "auth_opa_policy_engine", "cache_reload_interval", "full_cache_reload_interval",
      "events_based_cache", "prune_events_older_than", "event_timeout", "sql_transaction_timeout", "require_pq_kem",
      "wit_key_type", "wit_issuer", "feature_flags", "named_pipe_name",
    ]
    isInUse = keys.contains { section.positionOfValue(at: [$0]) != nil }
  }
}
