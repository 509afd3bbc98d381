import HCL

extension AgentConfigFile.Agent {
  init(_ section: inout HCLSection) {
    dataDir = section.string("data_dir")
    adminSocketPath = section.string("admin_socket_path")
    allowUnauthenticatedVerifiers = section.bool("allow_unauthenticated_verifiers")
    allowedForeignJWTClaims = section.strings("allowed_foreign_jwt_claims")
    authorizedDelegates = section.strings("authorized_delegates")
    availabilityTarget = section.string("availability_target")
    disableSDSAPI = section.bool("disable_sds_api")
    disableWorkloadAPI = section.bool("disable_workload_api")
    insecureBootstrap = section.bool("insecure_bootstrap")
    rebootstrapMode = section.string("rebootstrap_mode")
    rebootstrapDelay = section.string("rebootstrap_delay")
    joinToken = section.string("join_token")
    joinTokenFile = section.string("join_token_file")
    logFile = section.string("log_file")
    logLevel = section.string("log_level")
    logFormat = section.string("log_format")
    logSelectors = section.strings("log_selectors")
    logSourceLocation = section.bool("log_source_location")
    profilingEnabled = section.bool("profiling_enabled")
    profilingPort = section.int("profiling_port")
    profilingFreq = section.int("profiling_freq")
    profilingNames = section.strings("profiling_names")
    serverAddress = section.string("server_address")
    serverPort = section.int("server_port")
    socketPath = section.string("socket_path")
    trustBundlePath = section.string("trust_bundle_path")
    trustBundleURL = section.string("trust_bundle_url")
    trustBundleUnixSocket = section.string("trust_bundle_unix_socket")
    trustBundleSPIFFEWorkloadAPI = section.string("trust_bundle_spiffe_workload_api")
    trustBundleFormat = section.string("trust_bundle_format")
    trustDomain = section.string("trust_domain")
    workloadX509SVIDKeyType = section.string("workload_x509_svid_key_type")
    x509SVIDCacheMaxSize = section.int("x509_svid_cache_max_size")
    jwtSVIDCacheMaxSize = section.int("jwt_svid_cache_max_size")
    if var inner = section.section("sds") {
      sds = .init(
        defaultSVIDName: inner.string("default_svid_name"), defaultBundleName: inner.string("default_bundle_name"),
        defaultAllBundlesName: inner.string("default_all_bundles_name"),
        disableSPIFFECertValidation: inner.bool("disable_spiffe_cert_validation"))
    }
    if var inner = section.section("experimental") { experimental = .init(&inner) }
  }
}

extension AgentConfigFile.Experimental {
  init(_ section: inout HCLSection) {
    syncInterval = section.string("sync_interval")
    jwtSVIDCacheHitTimeout = section.string("jwt_svid_cache_hit_timeout")
    namedPipeName = section.string("named_pipe_name")
    adminNamedPipeName = section.string("admin_named_pipe_name")
    useSyncAuthorizedEntries = section.bool("use_sync_authorized_entries")
    requirePQKEM = section.bool("require_pq_kem")
    featureFlags = section.strings("feature_flags")
    if var inner = section.section("ratelimit") {
      rateLimit = AgentConfigFile.RateLimit(&inner)
      inner.reportUnknownKeys(as: "ratelimit")
    }
    if var inner = section.section("broker") {
      broker = AgentBrokerFile(&inner)
      inner.reportUnknownKeys(as: "experimental.broker")
    }
    let keys = [
      "sync_interval", "jwt_svid_cache_hit_timeout", "named_pipe_name", "admin_named_pipe_name", "require_pq_kem",
      "feature_flags", "ratelimit", "broker",
    ]
    isInUse = keys.contains { section.positionOfValue(at: [$0]) != nil } || useSyncAuthorizedEntries != nil
  }
}

extension AgentConfigFile.RateLimit {
  init(_ section: inout HCLSection) {
    fetchX509SVID = section.int("fetch_x509_svid")
    fetchJWTSVID = section.int("fetch_jwt_svid")
    fetchX509Bundles = section.int("fetch_x509_bundles")
    fetchJWTBundles = section.int("fetch_jwt_bundles")
    streamSecrets = section.int("stream_secrets")
    fetchSecrets = section.int("fetch_secrets")
  }
}
