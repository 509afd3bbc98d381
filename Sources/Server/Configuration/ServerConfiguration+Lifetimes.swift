import Daemon

/// Lifetimes, their warnings, and the experimental intervals.
extension ServerConfiguration {
  static func lifetimes(
    _ server: ServerConfigFile.Server, _ checks: inout ConfigurationChecks
  ) -> (ca: Duration, agent: Duration, x509SVID: Duration, jwtSVID: Duration) {
    func read(_ text: String?, _ key: String, _ name: String) -> Duration? {
      let message = "could not parse \(name) ttl \(GoText.quote(text ?? ""))"
      let duration = checks.duration(text, key: "server." + key, message)
      return duration == .zero ? nil : duration
    }
    let agent = read(server.agentTTL, "agent_ttl", "agent")
    let x509SVID = read(server.defaultX509SVIDTTL, "default_x509_svid_ttl", "default X509 SVID") ?? .seconds(3600)
    let jwtSVID = read(server.defaultJWTSVIDTTL, "default_jwt_svid_ttl", "default JWT SVID") ?? .seconds(300)
    let ca = read(server.caTTL, "ca_ttl", "default CA") ?? .seconds(24 * 3600)
    warn("default_x509_svid_ttl", x509SVID, ca, &checks)
    warn("default_jwt_svid_ttl", jwtSVID, ca, &checks)
    if let agent { warn("agent_ttl", agent, ca, &checks) }
    return (ca, agent ?? x509SVID, x509SVID, jwtSVID)
  }

  /// No CA key signs for more than this before a younger one takes over.
  private static let longestActivation = Duration.seconds(7 * 24 * 3600)

  /// Warns when SVIDs of this lifetime would be cut short by a CA that rotates every sixth of its own.
  private static func warn(_ key: String, _ ttl: Duration, _ ca: Duration, _ checks: inout ConfigurationChecks) {
    let allowed = min(ca / 6, longestActivation)
    guard ttl > allowed else { return }
    let needed = short(min(ttl, longestActivation) * 6)
    let aim = "to guarantee the full \(key) lifetime when CA rotations are scheduled."
    let effect = "SVIDs with shorter lifetimes may be issued."
    if ttl < longestActivation {
      checks.warn(
        "\(key) is too high for the configured ca_ttl value. \(effect) "
          + "Please set \(key) to \(short(allowed)) or less, or the ca_ttl to \(needed) or more, \(aim)")
    } else if ca < longestActivation * 6 {
      checks.warn(
        "\(key) is too high and the ca_ttl is too low. \(effect) "
          + "Please set \(key) to \(short(longestActivation)) or less, and the ca_ttl to \(needed) or more, \(aim)")
    } else {
      checks.warn(
        "\(key) is too high. \(effect) Please set \(key) to \(short(longestActivation)) or less, \(aim)")
    }
  }

  /// `4h` instead of `4h0m0s`.
  private static func short(_ duration: Duration) -> String {
    var text = GoDuration.format(duration)
    if text.hasSuffix("m0s") { text.removeLast(2) }
    if text.hasSuffix("h0m") { text.removeLast(2) }
    return text
  }

  /// What of `server.experimental` cannot be, whatever the rest says.
  static func checkConflicts(
    _ experimental: ServerConfigFile.Experimental?, _ checks: inout ConfigurationChecks
  ) {
    if !(experimental?.sqlTransactionTimeout ?? "").isEmpty && !(experimental?.eventTimeout ?? "").isEmpty {
      checks.fail(
        "both experimental sql_transaction_timeout and event_timeout set, only set event_timeout",
        key: "server.experimental.sql_transaction_timeout")
    }
    if !(experimental?.namedPipeName ?? "").isEmpty {
      checks.fail(
        "invalid configuration: named_pipe_name is not supported in this platform; please use socket_path instead",
        key: "server.experimental.named_pipe_name")
    }
  }

  /// Checks `server.experimental` and returns the intervals.
  static func checkExperimental(
    _ experimental: ServerConfigFile.Experimental?, _ checks: inout ConfigurationChecks
  ) -> EventSettings {
    var settings = EventSettings()
    guard let experimental else { return settings }
    if experimental.isInUse {
      checks.warn(
        "Experimental features have been enabled. Please see doc/upgrading.md for upgrade and compatibility"
          + " considerations for experimental features.")
    }
    func interval(_ text: String?, _ key: String, _ name: String) -> Duration? {
      checks.duration(text, key: "server.experimental." + key, "could not parse \(name)")
        .flatMap { $0 > .zero ? $0 : nil }
    }
    settings.pollInterval = interval(experimental.cacheReloadInterval, "cache_reload_interval", "cache reload interval")
    let full = interval(
      experimental.fullCacheReloadInterval, "full_cache_reload_interval", "full cache reload interval")
    let prune = interval(experimental.pruneEventsOlderThan, "prune_events_older_than", "prune events interval")
    let timeout = interval(experimental.eventTimeout, "event_timeout", "event timeout interval")
    let oldTimeout = interval(
      experimental.sqlTransactionTimeout, "sql_transaction_timeout", "SQL transaction timeout interval")
    if !(experimental.sqlTransactionTimeout ?? "").isEmpty {
      checks.deprecate("experimental.sql_transaction_timeout is deprecated; use experimental.event_timeout instead")
    }
    // SPIRE: compared with upstream's default of 5 s where none is set.
    if experimental.eventsBasedCache == true, let full, full <= settings.pollInterval ?? .seconds(5) {
      checks.fail(
        "full cache reload interval must be greater than cache reload interval",
        key: "server.experimental.full_cache_reload_interval")
    }
    FeatureFlags.check(experimental.featureFlags ?? [], key: "server.experimental.feature_flags", checks: &checks)
    settings.reloadInterval = full ?? settings.reloadInterval
    settings.pruneOlderThan = prune ?? settings.pruneOlderThan
    settings.timeout = timeout ?? oldTimeout ?? settings.timeout
    return settings
  }
}
