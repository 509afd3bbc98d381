import AgentPlugins
package import Daemon
import FoundationEssentials
import Glibc
import Keys
import Logging
import Plugins
import SPIFFE

/// The agent, put together: everything is made here once, in the order in which it depends on each other
/// (agent-behaviour §1), and run until SIGINT, SIGTERM or a failure.
package struct AgentRuntime: Sendable {
  let configuration: AgentConfiguration
  let log: LogOutput
  let time: any TimeSource
  private let random: Randomness

  package init(
    _ configuration: AgentConfiguration, log: LogOutput, time: any TimeSource = SystemTime(),
    random: Randomness = .system
  ) {
    self.configuration = configuration
    self.log = log
    self.time = time
    self.random = random
  }

  /// Runs the agent; the process's exit code.
  package func run() async -> Int32 {
    let logger = log.logger
    do {
      try await serve()
      logger.info("Agent stopped gracefully")
      return 0
    } catch {
      logger.error("Agent crashed", metadata: ["error": "\(AgentError.wrapping(error).message)"])
      return 1
    }
  }

  private func serve() async throws {
    SignalService.prepare()
    OpenFileLimit.raise()
    let start = time.now
    let processes = HostProcesses.ofEnvironment()
    guard processes.hasOwnNumbers else {
      throw AgentError(
        .fatal,
        "HOST_PROC \"\(processes.root)\" is not the process table of the agent's PID namespace; run the agent in the "
          + "host's PID namespace, or do not set HOST_PROC")
    }
    // Before the umask: workloads of other users must be able to reach the socket.
    if configuration.isPublicEndpointEnabled { try Self.makeDirectory(of: configuration.socketPath) }
    Umask.tighten(logger: log.logger)
    log.logger.log(configuration.notices)
    log.logger.info(
      "Starting agent", metadata: ["data_dir": "\(configuration.dataDirectory)", "version": "\(Version.upstream)"])
    log.logger.debug("This is swift-spire", metadata: ["own_version": "\(Version.own)"])
    try Folder.make(configuration.dataDirectory, mode: 0o755)
    let storage = try openStorage()
    let telemetry = Telemetry(
      configuration.telemetry, prefix: "spire_agent", trustDomain: configuration.trustDomain.name, start: start,
      time: time, logger: log.logger.with(subsystem: "telemetry"))
    let catalog = PluginCatalog(logger: log.logger.with(subsystem: "catalog"))
    let keyManagers = catalog.register(KeyManagers.type)
    let nodeAttestors = catalog.register(NodeAttestors.type(identities: WorkloadAPIIdentities()))
    let workloadAttestors = catalog.register(WorkloadAttestors.type)
    let svidStores = catalog.register(SVIDStores.type)
    try await catalog.load(configuration.plugins)
    do {
      guard let keyManager = keyManagers.only, let nodeAttestor = nodeAttestors.only else {
        throw AgentError(.fatal, "the plugin catalog has no KeyManager or no NodeAttestor")
      }
      let session = AgentSession(
        configuration: configuration, storage: storage,
        keyManager: MeteredKeyManager(keyManager, names: .agent, metrics: telemetry.metrics),
        nodeAttestor: configuration.joinToken.map { JoinTokenAttestor(token: $0, file: configuration.joinTokenFile) }
          ?? nodeAttestor,
        workloadAttestors: workloadAttestors.all.map(\.instance), svidStores: svidStores.all.map(\.instance), log: log,
        startedAt: start, time: time,
        random: random, metrics: telemetry.metrics)
      try await DaemonRunner.run(try members(session, telemetry, catalog))
      log.logger.with(subsystem: "catalog").debug("Closing catalog")
    } catch {
      await catalog.close()
      throw error
    }
    await catalog.close()
    log.logger.with(subsystem: "catalog").info("Catalog closed")
  }

  private func members(
    _ session: AgentSession, _ telemetry: Telemetry, _ catalog: PluginCatalog
  ) throws -> [DaemonRunner.Member] {
    let signals = SignalService(log: log, telemetry: telemetry) { await catalog.reconfigure() }
    return [.init(service: signals, name: "signals")] + (try telemetryMembers(telemetry, session.presence))
      + [
        .init(service: PluginTasks(catalog), name: "plugins"), .init(service: session, name: "agent"),
        .init(service: health(session), name: "health"),
      ]
  }

  /// A damaged file is no reason to stay down where the node can attest again: it is kept beside, and a new one begun.
  private func openStorage() throws -> AgentStorage {
    let attestors = configuration.plugins.filter { $0.type == "NodeAttestor" && $0.isEnabled }.map(\.name)
    let canAttest = configuration.joinToken != nil || attestors != [JoinTokenAttestor.pluginName]
    let storage = try AgentStorage(directory: configuration.dataDirectory, replacesDamagedFile: canAttest)
    if let damaged = storage.damagedFile {
      log.logger.error(
        "The agent's data was damaged; it is kept, and the agent attests again",
        metadata: ["path": "\(storage.path)", "kept": "\(damaged.path)", "error": "\(damaged.reason)"])
    }
    return storage
  }

  private func health(_ session: AgentSession) -> HealthReporter {
    let settings = configuration.healthChecks
    let checker = HealthChecker(
      checks: [HealthCheck(name: "agent") { await session.health.state() }], time: time,
      logger: log.logger.with(subsystem: "health"))
    let listener =
      settings.isEnabled
      ? checker.listener(
        host: settings.bindAddress, port: settings.bindPort, livePath: settings.livePath,
        readyPath: settings.readyPath) : nil
    return HealthReporter(checker: checker, listener: listener, health: session.health, time: time)
  }

  private static func makeDirectory(of path: String) throws {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
    let before = umask(0)
    umask(before & ~0o055)
    defer { umask(before) }
    try Folder.make(String(path[..<slash]), mode: 0o755)
  }
}

extension AgentConfiguration {
  /// Whether there is a socket for workloads at all.
  package var isPublicEndpointEnabled: Bool { isWorkloadAPIEnabled || isSDSAPIEnabled }
}
