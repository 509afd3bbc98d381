package import Daemon
import HCL
import Keys
import Plugins
import SPIFFE
import TLS
import WebCertificates

extension ServerConfiguration {
  static let defaultSocketPath = "/tmp/spire-server/private/api.sock"

  /// Checks `file` under `flags`, in upstream's order, and reports everything at once.
  package init(_ file: ServerConfigFile, flags: ServerFlags) throws(ConfigurationError) {
    let server = file.server
    let experimental = server.experimental
    var checks = ConfigurationChecks(file: file.document.file, positions: file.positions)
    typealias Merge = ConfigurationMerge

    // What must be there.
    let trustDomainText = Merge.text(flags.trustDomain, server.trustDomain)
    if trustDomainText.isEmpty { checks.fail("trust_domain must be configured") }
    dataDirectory = Merge.text(flags.dataDir, server.dataDir)
    if dataDirectory.isEmpty { checks.fail("data_dir must be configured") }
    if file.plugins == nil { checks.fail("plugins section must be configured") }
    Self.checkConflicts(experimental, &checks)

    // What must be well formed.
    log = LogSettings(
      level: Merge.text(flags.logLevel, server.logLevel, default: "INFO"),
      format: Merge.text(flags.logFormat, server.logFormat), file: Merge.text(flags.logFile, server.logFile),
      sourceLocation: flags.logSourceLocation || server.logSourceLocation == true, section: "server", checks: &checks)
    bindAddress = Merge.text(flags.bindAddress, server.bindAddress, default: "0.0.0.0")
    bindPort = Merge.number(flags.serverPort, server.bindPort, default: 8081)
    bindIP = Self.resolve(bindAddress, bindPort, &checks)
    socketPath = ConfigurationFile.absolute(
      Merge.text(flags.socketPath, server.socketPath, default: Self.defaultSocketPath))
    let domain = Self.trustDomain(trustDomainText, isFlag: !flags.trustDomain.isEmpty, &checks)
    limitsAttestation = server.rateLimit?.attestation ?? true
    limitsSigning = server.rateLimit?.signing ?? true
    adminIDs = Self.adminIDs(server.adminIDs ?? [], &checks)
    isAuditLogEnabled = server.auditLogEnabled ?? false
    federatesWith = Self.federatesWith(server.federation, own: domain, &checks)
    bundleEndpoint = Self.bundleEndpoint(server.federation?.bundleEndpoint, &checks)
    areJWTSVIDsDisabled = server.disableJWTSVIDs ?? false
    jwtIssuer = server.jwtIssuer ?? ""
    areWITSVIDsEnabled = FeatureFlags.hasWITSVID(experimental?.featureFlags)
    witIssuer = experimental?.witIssuer ?? ""

    (caTTL, agentTTL, defaultX509SVIDTTL, defaultJWTSVIDTTL) = Self.lifetimes(server, &checks)
    (caKeyType, jwtKeyType, witKeyType) = Self.keyTypes(server, &checks)
    caSubject = Self.subject(server.caSubject, &checks)
    maxAttestedNodeInfoStaleness =
      checks.duration(
        server.maxAttestedNodeInfoStaleness, key: "server.max_attested_node_info_staleness",
        "could not parse max attested node staleness") ?? .zero
    (pruneAttestedNodesExpiredFor, pruneAttestedNodesBatchSize) = Self.nodePruning(server, &checks)
    pruneTOFUNodes = server.pruneTOFUNodes ?? false

    (datastore, plugins) = Self.plugins(file.plugins, &checks)
    checks.reportUnknownKeys(file.unknownKeys)
    agentSPIFFEIDAsSelector = experimental?.agentSPIFFEIDAsSelector ?? false
    tls = TLSPolicy(requirePostQuantumKeyExchange: experimental?.requirePQKEM ?? false)
    events = Self.checkExperimental(experimental, &checks)
    telemetry = TelemetrySettings(file.telemetry, program: "Server", checks: &checks)
    MetricsTLS.check(telemetry, &checks)
    healthChecks = HealthCheckSettings(file.healthChecks, checks: &checks)
    UnsupportedKey.check(UnsupportedKeys.keys, in: file.document, checks: &checks)
    notices = checks.notices
    try checks.finish(log: log)
    guard let domain else { throw ConfigurationError([.init(.invalid, "trust_domain must be configured")]) }
    trustDomain = domain
  }
}
