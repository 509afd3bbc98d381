import Authority
package import Daemon
import DatastoreAPI
import FoundationEssentials
import HTTP
import Keys
import Logging
import Plugins
import RPC
import SPIFFE
import SQLDatastore
import ServerPlugins
import ServiceLifecycle
import WebCertificates

/// The server, put together: everything is made here once, in the order in which it depends on each other
/// (server-config §7), and run until SIGINT, SIGTERM or a failure.
package struct ServerRuntime: Sendable {
  let configuration: ServerConfiguration
  let log: LogOutput
  let time: any TimeSource
  var logger: Logger { log.logger }

  package init(_ configuration: ServerConfiguration, log: LogOutput, time: any TimeSource = SystemTime()) {
    self.configuration = configuration
    self.log = log
    self.time = time
  }

  /// Runs the server; the process's exit code.
  package func run() async -> Int32 {
    do {
      try await serve()
      logger.info("Server stopped gracefully")
      return 0
    } catch {
      logger.error("Server crashed", metadata: ["error": "\(error)"])
      return 1
    }
  }

  private func serve() async throws {
    SignalService.prepare()
    OpenFileLimit.raise()
    let start = time.now
    Umask.tighten(logger: logger)
    logger.log(configuration.notices)
    logger.info(
      "Configured",
      metadata: [
        "admin_ids": .array(configuration.adminIDs.map { "\($0)" }), "data_dir": "\(configuration.dataDirectory)",
        "launch_log_level": "\(log.level.launch.rawValue)", "version": "\(Version.upstream)",
      ])
    logger.debug("This is swift-spire", metadata: ["own_version": "\(Version.own)"])
    try Folder.make(configuration.dataDirectory, mode: 0o755)
    let telemetry = Telemetry(
      configuration.telemetry, prefix: "spire_server", trustDomain: configuration.trustDomain.name, start: start,
      time: time, logger: logger.with(subsystem: "telemetry"))
    let catalogLogger = logger.with(subsystem: "catalog")
    let datastore = try await SQLDatastore.open(
      SQLDatastoreConfiguration(configuration.datastore), logger: logger, metrics: telemetry.metrics, time: time)
    catalogLogger.info("Configured DataStore", metadata: ["reconfigurable": .stringConvertible(false)])
    let catalog = PluginCatalog(logger: catalogLogger)
    let result: Result<Void, any Error>
    do {
      let keyManagers = catalog.register(KeyManagers.type(time: time, tls: configuration.tls))
      let nodeHost = DatastoreNodeHost(trustDomain: configuration.trustDomain, datastore: datastore, time: time)
      let nodeAttestors = catalog.register(NodeAttestors.type(host: nodeHost))
      let signer = AuthoritySigner(trustDomain: configuration.trustDomain, time: time)
      let above = GRPCUpstreamConnector(trustDomain: configuration.trustDomain, time: time)
      let upstreams = catalog.register(
        UpstreamAuthorities.type(signer: signer, above: above, time: time, tls: configuration.tls))
      let composers = catalog.register(CredentialComposers.type)
      try await catalog.load(configuration.plugins)
      guard let keyManager = keyManagers.only else {
        throw ServerError(.notConfigured, "the plugin catalog has no KeyManager")
      }
      try await DaemonRunner.run(
        try await assemble(
          datastore, keyManager, nodeAttestors, upstreams, composers, telemetry, catalog, start))
      result = .success(())
    } catch {
      result = .failure(error)
    }
    catalogLogger.debug("Closing catalog")
    await catalog.close()
    catalogLogger.info("Catalog closed")
    catalogLogger.debug("Closing DataStore")
    await datastore.close()
    catalogLogger.info("DataStore closed")
    try result.get()
  }

  /// Everything between the plugins and the services that run.
  private func assemble(
    _ datastore: SQLDatastore, _ keyManager: any KeyManager, _ nodeAttestors: PluginSlot<any NodeAttestor>,
    _ upstreams: PluginSlot<any UpstreamAuthority>, _ composers: PluginSlot<any CredentialComposerPlugin>,
    _ telemetry: Telemetry, _ catalog: PluginCatalog, _ start: Date
  ) async throws -> [DaemonRunner.Member] {
    let metrics = telemetry.metrics
    try await TrustDomainCheck(trustDomain: configuration.trustDomain, datastore: datastore, logger: logger).run()
    var credentials = configuration.credentials
    credentials.composers = composers.all.map { ComposerAdapter(name: $0.name, plugin: $0.instance) }
    let authority = CertificateAuthority(configuration: credentials, time: time, metrics: metrics)
    let manager = try await CAManager.start(
      configuration: CAManagerConfiguration(
        x509KeyType: configuration.caKeyType, jwtKeyType: configuration.jwtKeyType,
        witKeyType: configuration.witKeyType,
        upstream: upstreams.all.first.map { UpstreamAdapter(name: $0.name, plugin: $0.instance) },
        startPatience: .seconds(60)),
      authority: authority, keyManager: MeteredKeyManager(keyManager, names: .server, metrics: metrics),
      datastore: datastore, time: time, metrics: metrics, logger: logger)
    let svid = try await ServerSVIDRotator.start(
      authority: authority, keyType: configuration.caKeyType, metrics: metrics, logger: logger)
    let endpointLogger = logger.with(subsystem: "endpoints")
    let entries = EntryModelKeeper(
      datastore: datastore, interval: configuration.eventPollInterval,
      reloadInterval: configuration.events.reloadInterval, eventTimeout: configuration.events.timeout,
      eventLifetime: configuration.events.lifetime, time: time, metrics: metrics, logger: endpointLogger)
    try await entries.build()
    logger.info("Logger service configured", metadata: ["launch_log_level": "\(log.level.launch.rawValue)"])
    let roots = WebRoots.system(environment: ProcessInfo.processInfo.environment)
    let clientLogger = logger.with(subsystem: "bundle_client")
    let federation = FederatedBundleClient(
      trustDomain: configuration.trustDomain, configured: configuration.federatesWith, datastore: datastore,
      endpoint: HTTPSBundleEndpoint(roots: roots, tls: configuration.tls, time: time, logger: clientLogger),
      time: time, metrics: metrics, logger: clientLogger)
    let bundles = BundleCache(datastore: datastore, time: time)
    let rollCall = RollCall(
      trustDomain: configuration.trustDomain, datastore: datastore, bundles: bundles, authority: authority,
      entries: entries, time: time, logger: endpointLogger)
    let parts = ServerParts(
      trustDomain: configuration.trustDomain, datastore: datastore, authority: authority, caManager: manager,
      serverSVID: svid, entries: entries, bundles: bundles, federation: federation, rollCall: rollCall,
      logLevel: log.level, time: time, startedAt: start, options: configuration.apiOptions,
      attestations: AttestationRoom(metrics: metrics, time: time), nodeAttestor: { nodeAttestors[$0] })
    endpointLogger.debug("Initializing API endpoints")
    let endpoints = try ServerEndpoints(
      configuration: configuration, parts: parts, logger: logger, metrics: metrics
    ).open()
    let bundleEndpoint = try configuration.bundleEndpoint.map {
      try BundleEndpointServer(
        $0, trustDomain: configuration.trustDomain, bundles: parts.bundles, svid: svid, policy: configuration.tls,
        acme: try certificates($0, keyManager, roots, endpointLogger), time: time, logger: endpointLogger)
    }
    var members = try telemetryMembers(telemetry, svid: svid, bundles: bundles)
    members.append(
      .init(service: SignalService(log: log, telemetry: telemetry) { await catalog.reconfigure() }, name: "signals"))
    members.append(.init(service: PluginTasks(catalog), name: "plugins"))
    members.append(.init(service: ClockReporter(time: time, logger: logger), name: "clock"))
    members.append(.init(service: manager, name: "ca_manager"))
    members.append(.init(service: svid, name: "svid_rotator"))
    members.append(.init(service: entries, name: "entry_cache"))
    members.append(.init(service: WatchMonitor(entries), name: "watch_monitor"))
    members.append(.init(service: rollCall, name: "roll_call"))
    members.append(.init(service: federation, name: "bundle_client"))
    members += pruners(datastore, metrics, endpointLogger)
    // A call that takes its time on one socket must not leave the other one open.
    members.append(.init(service: ServicesTogether(endpoints), name: "endpoints"))
    if let bundleEndpoint { members.append(.init(service: bundleEndpoint, name: "bundle_endpoint")) }
    return members + health(parts)
  }

  /// The certificates of the bundle endpoint, where a public authority issues them (server-config §4).
  private func certificates(
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

  private func pruners(
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

  private func health(_ parts: ServerParts) -> [DaemonRunner.Member] {
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
