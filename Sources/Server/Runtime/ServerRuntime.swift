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
      let plugins = LoadedPlugins(
        catalog: catalog, keyManager: keyManager, nodeAttestors: nodeAttestors, upstreams: upstreams,
        composers: composers)
      try await DaemonRunner.run(try await assemble(plugins, datastore, telemetry, start))
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

  /// What the catalog made of the configuration's blocks.
  struct LoadedPlugins {
    let catalog: PluginCatalog
    let keyManager: any KeyManager
    let nodeAttestors: PluginSlot<any NodeAttestor>
    let upstreams: PluginSlot<any UpstreamAuthority>
    let composers: PluginSlot<any CredentialComposerPlugin>
  }

  /// Everything between the plugins and the services that run.
  private func assemble(
    _ plugins: LoadedPlugins, _ datastore: SQLDatastore, _ telemetry: Telemetry, _ start: Date
  ) async throws -> [DaemonRunner.Member] {
    let roots = WebRoots.system(environment: ProcessInfo.processInfo.environment)
    let parts = try await makeParts(plugins, datastore, roots, telemetry.metrics, start)
    let endpointLogger = logger.with(subsystem: "endpoints")
    endpointLogger.debug("Initializing API endpoints")
    let endpoints = try ServerEndpoints(
      configuration: configuration, parts: parts, logger: logger, metrics: telemetry.metrics
    ).open()
    let bundleEndpoint = try configuration.bundleEndpoint.map {
      try BundleEndpointServer(
        $0, trustDomain: configuration.trustDomain, bundles: parts.bundles, svid: parts.serverSVID,
        policy: configuration.tls, acme: try certificates($0, plugins.keyManager, roots, endpointLogger), time: time,
        logger: endpointLogger)
    }
    var members = try telemetryMembers(telemetry, svid: parts.serverSVID, bundles: parts.bundles)
    members.append(
      .init(
        service: SignalService(log: log, telemetry: telemetry) { await plugins.catalog.reconfigure() }, name: "signals")
    )
    members.append(.init(service: PluginTasks(plugins.catalog), name: "plugins"))
    members.append(.init(service: ClockReporter(time: time, logger: logger), name: "clock"))
    members += services(parts)
    members += pruners(datastore, telemetry.metrics, endpointLogger)
    // A call that takes its time on one socket must not leave the other one open.
    members.append(.init(service: ServicesTogether(endpoints), name: "endpoints"))
    if let bundleEndpoint { members.append(.init(service: bundleEndpoint, name: "bundle_endpoint")) }
    return members + health(parts)
  }

  /// What the endpoints and services work on, each part after those that it needs.
  private func makeParts(
    _ plugins: LoadedPlugins, _ datastore: SQLDatastore, _ roots: WebRoots, _ metrics: Metrics, _ start: Date
  ) async throws -> ServerParts {
    try await TrustDomainCheck(trustDomain: configuration.trustDomain, datastore: datastore, logger: logger).run()
    let (authority, manager) = try await makeAuthority(plugins, datastore, metrics)
    let svid = try await ServerSVIDRotator.start(
      authority: authority, keyType: configuration.caKeyType, metrics: metrics, logger: logger)
    let endpointLogger = logger.with(subsystem: "endpoints")
    let entries = EntryModelKeeper(
      datastore: datastore, interval: configuration.eventPollInterval,
      reloadInterval: configuration.events.reloadInterval, eventTimeout: configuration.events.timeout,
      eventLifetime: configuration.events.lifetime, time: time, metrics: metrics, logger: endpointLogger)
    try await entries.build()
    logger.info("Logger service configured", metadata: ["launch_log_level": "\(log.level.launch.rawValue)"])
    let clientLogger = logger.with(subsystem: "bundle_client")
    let federation = FederatedBundleClient(
      trustDomain: configuration.trustDomain, configured: configuration.federatesWith, datastore: datastore,
      endpoint: HTTPSBundleEndpoint(roots: roots, tls: configuration.tls, time: time, logger: clientLogger),
      time: time, metrics: metrics, logger: clientLogger)
    let bundles = BundleCache(datastore: datastore, time: time)
    let rollCall = RollCall(
      trustDomain: configuration.trustDomain, datastore: datastore, bundles: bundles, authority: authority,
      entries: entries, time: time, logger: endpointLogger)
    return ServerParts(
      trustDomain: configuration.trustDomain, datastore: datastore, authority: authority, caManager: manager,
      serverSVID: svid, entries: entries, bundles: bundles, federation: federation, rollCall: rollCall,
      logLevel: log.level, time: time, startedAt: start, options: configuration.apiOptions,
      attestations: AttestationRoom(metrics: metrics, time: time), nodeAttestor: { plugins.nodeAttestors[$0] })
  }

  private func makeAuthority(
    _ plugins: LoadedPlugins, _ datastore: SQLDatastore, _ metrics: Metrics
  ) async throws -> (CertificateAuthority, CAManager) {
    var credentials = configuration.credentials
    credentials.composers = plugins.composers.all.map { ComposerAdapter(name: $0.name, plugin: $0.instance) }
    let authority = CertificateAuthority(configuration: credentials, time: time, metrics: metrics)
    let manager = try await CAManager.start(
      configuration: CAManagerConfiguration(
        x509KeyType: configuration.caKeyType, jwtKeyType: configuration.jwtKeyType,
        witKeyType: configuration.witKeyType,
        upstream: plugins.upstreams.all.first.map { UpstreamAdapter(name: $0.name, plugin: $0.instance) },
        startPatience: .seconds(60)),
      authority: authority, keyManager: MeteredKeyManager(plugins.keyManager, names: .server, metrics: metrics),
      datastore: datastore, time: time, metrics: metrics, logger: logger)
    return (authority, manager)
  }
}
