package import Daemon
import HCL
import Keys
import Plugins
import SPIFFE
import TLS
import WebCertificates

extension AgentConfiguration {
  static let defaultSocketPath = "/tmp/spire-agent/public/api.sock"

  /// Checks `file` under `flags`, in upstream's order, and reports everything at once.
  package init(_ file: AgentConfigFile, flags: AgentFlags) throws(ConfigurationError) {
    let agent = file.agent
    let experimental = agent.experimental
    var checks = ConfigurationChecks(file: file.document.file, positions: file.positions)
    typealias Merge = ConfigurationMerge

    // What must be there.
    if file.plugins == nil { checks.fail("plugins section must be configured") }
    (joinToken, joinTokenFile) = Self.joinToken(agent, flags, &checks)
    (serverAddress, serverPort) = Self.server(agent, flags, &checks)
    let trustDomainText = Merge.text(flags.trustDomain, agent.trustDomain)
    if trustDomainText.isEmpty { checks.fail("trust_domain must be configured") }
    bootstrap = TrustBundleRules(agent, flags).check(&checks)

    // What must be well formed.
    dataDirectory = Merge.text(flags.dataDir, agent.dataDir, default: ".")
    log = LogSettings(
      level: Merge.text(flags.logLevel, agent.logLevel, default: "INFO"),
      format: Merge.text(flags.logFormat, agent.logFormat), file: Merge.text(flags.logFile, agent.logFile),
      sourceLocation: flags.logSourceLocation || agent.logSourceLocation == true, section: "agent", checks: &checks)
    logSelectors = agent.logSelectors ?? []
    let domain = Self.trustDomain(trustDomainText, isFlag: !flags.trustDomain.isEmpty, &checks)
    socketPath = ConfigurationFile.absolute(
      Merge.text(flags.socketPath, agent.socketPath, default: Self.defaultSocketPath))
    isWorkloadAPIEnabled = !(flags.disableWorkloadAPI || agent.disableWorkloadAPI == true)
    isSDSAPIEnabled = !(flags.disableSDSAPI || agent.disableSDSAPI == true)
    secretNames = Self.secretNames(agent.sds, &checks)
    allowUnauthenticatedVerifiers = flags.allowUnauthenticatedVerifiers || agent.allowUnauthenticatedVerifiers == true
    allowedForeignJWTClaims = agent.allowedForeignJWTClaims ?? []
    workloadX509SVIDKeyType = Self.keyType(agent.workloadX509SVIDKeyType, &checks)
    x509SVIDCacheMaxSize = Self.cacheSize(agent.x509SVIDCacheMaxSize, "x509_svid_cache_max_size", &checks)
    jwtSVIDCacheMaxSize = Self.cacheSize(agent.jwtSVIDCacheMaxSize, "jwt_svid_cache_max_size", &checks)

    syncInterval = Self.syncInterval(experimental, &checks)
    jwtSVIDCacheHitTimeout = Self.cacheHitTimeout(experimental, &checks)
    usesSyncAuthorizedEntries = experimental?.useSyncAuthorizedEntries ?? true
    rateLimits = Self.rateLimits(experimental?.rateLimit, &checks)
    areWITSVIDsEnabled = FeatureFlags.hasWITSVID(experimental?.featureFlags)
    tls = TLSPolicy(requirePostQuantumKeyExchange: experimental?.requirePQKEM ?? false)
    Self.checkExperimental(experimental, &checks)
    (rebootstrapMode, rebootstrapDelay) = Self.rebootstrap(agent, flags, bootstrap, &checks)
    telemetry = TelemetrySettings(file.telemetry, program: "Agent", checks: &checks)
    MetricsTLS.check(telemetry, &checks)
    healthChecks = HealthCheckSettings(file.healthChecks, checks: &checks)
    plugins = file.plugins?.plugins ?? []
    file.plugins?.check(UnsupportedKeys.plugins, checks: &checks)
    checks.reportUnknownKeys(file.unknownKeys)

    // What upstream looks at last.
    availabilityTarget = Self.availabilityTarget(agent.availabilityTarget, &checks)
    let isPublic = isWorkloadAPIEnabled || isSDSAPIEnabled
    adminSocketPath = Self.adminSocket(agent.adminSocketPath, isPublic ? socketPath : nil, &checks)
    authorizedDelegates = Self.delegates(agent.authorizedDelegates ?? [], domain, &checks)
    broker = Self.broker(experimental?.broker, workloads: isPublic ? socketPath : nil, &checks)
    UnsupportedKey.check(UnsupportedKeys.keys, in: file.document, checks: &checks)
    notices = checks.notices
    try checks.finish(log: log)
    guard let domain else { throw ConfigurationError([.init(.invalid, "trust_domain must be configured")]) }
    trustDomain = domain
  }
}
