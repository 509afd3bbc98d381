import Daemon
import FoundationEssentials
import HTTP
import Keys
import Logging
import SQLDatastore
import ServiceLifecycle
import WebCertificates

/// The services that ``ServerRuntime`` runs beside its endpoints.
extension ServerRuntime {
  /// Those that keep the parts up to date.
  func services(_ parts: ServerParts) -> [DaemonRunner.Member] {
    [
      .init(service: parts.caManager, name: "ca_manager"),
      .init(service: parts.serverSVID, name: "svid_rotator"),
      .init(service: parts.entries, name: "entry_cache"),
      .init(service: WatchMonitor(parts.entries), name: "watch_monitor"),
      .init(service: parts.rollCall, name: "roll_call"),
      .init(service: parts.federation, name: "bundle_client"),
    ]
  }

  /// The certificates of the bundle endpoint, where a public authority issues them (server-config §4).
  func certificates(
    _ settings: BundleEndpointSettings, _ keyManager: any KeyManager, _ roots: WebRoots, _ logger: Logger
  ) throws -> ACMECertificates? {
    guard case .httpsWebACME(let acme) = settings.profile else { return nil }
    return ACMECertificates(
      ACMESettings(
        directoryURL: try WebURL(acme.directoryURL), email: acme.email, acceptsTerms: acme.acceptsTerms,
        domains: [acme.domain], answersHTTP: acme.httpChallenges != nil),
      store: ACMEStore(
        folder: configuration.dataDirectory + "/bundle-acme", keyManager: keyManager, prefix: "bundle-acme-"),
      transport: ACMEOverHTTPS(roots: roots, userAgent: "SPIRE-\(Version.upstream)", tls: configuration.tls),
      time: time,
      logger: logger)
  }

  func pruners(
    _ datastore: SQLDatastore, _ metrics: Metrics, _ endpointLogger: Logger
  ) -> [DaemonRunner.Member] {
    let entries = EntryPruner(
      datastore: datastore, time: time, metrics: metrics, logger: logger.with(subsystem: "entry_manager"))
    let events = EventPruner(
      olderThan: configuration.events.lifetime, datastore: datastore, time: time, logger: endpointLogger)
    let tokens = JoinTokenPruner(datastore: datastore, time: time, logger: logger.with(subsystem: "token_manager"))
    var members: [DaemonRunner.Member] = [
      .init(service: entries, name: "entry_pruner"), .init(service: events, name: "event_pruner"),
      .init(service: tokens, name: "token_pruner"),
    ]
    if let rules = configuration.nodePruning {
      let nodes = NodePruner(
        rules: rules, datastore: datastore, time: time, metrics: metrics,
        logger: logger.with(subsystem: "node_manager"))
      members.append(.init(service: nodes, name: "node_pruner"))
    }
    return members
  }

  func health(_ parts: ServerParts) -> [DaemonRunner.Member] {
    let checker = HealthChecker(
      checks: ServerHealth(parts: parts).checks, time: time, logger: logger.with(subsystem: "health"))
    var members: [DaemonRunner.Member] = [.init(service: checker, name: "health")]
    let settings = configuration.healthChecks
    if settings.isEnabled {
      let listener = checker.listener(
        host: settings.bindAddress, port: settings.bindPort, livePath: settings.livePath,
        readyPath: settings.readyPath)
      members.append(.init(service: listener, name: "health_listener"))
    }
    return members
  }
}
