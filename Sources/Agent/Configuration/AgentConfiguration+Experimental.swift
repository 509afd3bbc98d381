import Daemon

/// `agent.experimental`.
extension AgentConfiguration {
  static func checkExperimental(
    _ experimental: AgentConfigFile.Experimental?, _ checks: inout ConfigurationChecks
  ) {
    guard let experimental else { return }
    if experimental.isInUse {
      checks.warn(
        "Experimental features have been enabled. Please see doc/upgrading.md for upgrade and compatibility"
          + " considerations for experimental features.")
    }
    if experimental.useSyncAuthorizedEntries != nil {
      checks.deprecate("The 'use_sync_authorized_entries' configuration is deprecated and will be removed")
    }
    let pipes = [
      ("named_pipe_name", experimental.namedPipeName, "socket_path"),
      ("admin_named_pipe_name", experimental.adminNamedPipeName, "admin_socket_path"),
    ]
    for (key, value, instead) in pipes where !(value ?? "").isEmpty {
      checks.fail(
        "invalid configuration: \(key) is not supported in this platform; please use \(instead) instead",
        key: "agent.experimental." + key)
    }
    FeatureFlags.check(experimental.featureFlags ?? [], key: "agent.experimental.feature_flags", checks: &checks)
  }

  static func syncInterval(
    _ experimental: AgentConfigFile.Experimental?, _ checks: inout ConfigurationChecks
  ) -> Duration {
    let interval = checks.duration(
      experimental?.syncInterval, key: "agent.experimental.sync_interval", "could not parse synchronization interval")
    return interval.flatMap { $0 > .zero ? $0 : nil } ?? .seconds(5)
  }

  static func cacheHitTimeout(
    _ experimental: AgentConfigFile.Experimental?, _ checks: inout ConfigurationChecks
  ) -> Duration {
    let key = "agent.experimental.jwt_svid_cache_hit_timeout"
    let timeout = checks.duration(
      experimental?.jwtSVIDCacheHitTimeout, key: key, "could not parse jwt_svid_cache_hit_timeout")
    guard let timeout else { return .seconds(30) }
    if timeout < .seconds(5) { checks.fail("jwt_svid_cache_hit_timeout must be greater than 5s", key: key) }
    if timeout >= .seconds(30) { checks.fail("jwt_svid_cache_hit_timeout must be less than 30s", key: key) }
    return timeout
  }

  static func rateLimits(_ file: AgentConfigFile.RateLimit?, _ checks: inout ConfigurationChecks) -> RateLimits {
    guard let file else { return RateLimits() }
    func limit(_ value: Int?, _ key: String) -> Int {
      let value = value ?? 0
      if value < 0 {
        checks.fail(
          "experimental.ratelimit.\(key) must not be negative", key: "agent.experimental.ratelimit." + key)
      }
      return max(0, value)
    }
    var limits = RateLimits()
    limits.fetchX509SVID = limit(file.fetchX509SVID, "fetch_x509_svid")
    limits.fetchJWTSVID = limit(file.fetchJWTSVID, "fetch_jwt_svid")
    limits.fetchX509Bundles = limit(file.fetchX509Bundles, "fetch_x509_bundles")
    limits.fetchJWTBundles = limit(file.fetchJWTBundles, "fetch_jwt_bundles")
    limits.streamSecrets = limit(file.streamSecrets, "stream_secrets")
    limits.fetchSecrets = limit(file.fetchSecrets, "fetch_secrets")
    return limits
  }
}
