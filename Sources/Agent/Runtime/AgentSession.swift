import AgentPlugins
import Daemon
import FoundationEssentials
import HTTP
import Keys
import Logging
import RPC
import SPIFFE
import ServiceLifecycle

/// The agent from its first contact with the server on: attests, synchronises, serves workloads. A service of the
/// daemon.
///
/// Made by ``AgentRuntime``, which gives it what exists before there is an identity; the rest is put together here once
/// the identity is known.
struct AgentSession: Service {
  let configuration: AgentConfiguration
  let storage: AgentStorage
  let keyManager: any KeyManager
  let nodeAttestor: any NodeAttestor
  let workloadAttestors: [any WorkloadAttestor]
  let svidStores: [any SVIDStore]
  let log: LogOutput
  let startedAt: Date
  let time: any TimeSource
  let random: Randomness
  let metrics: Metrics
  let health: AgentHealth
  /// What this agent is, as soon as it is known.
  let presence = AgentPresence()

  init(
    configuration: AgentConfiguration, storage: AgentStorage, keyManager: any KeyManager,
    nodeAttestor: any NodeAttestor, workloadAttestors: [any WorkloadAttestor], svidStores: [any SVIDStore],
    log: LogOutput, startedAt: Date,
    time: any TimeSource, random: Randomness, metrics: Metrics
  ) {
    self.configuration = configuration
    self.storage = storage
    self.keyManager = keyManager
    self.nodeAttestor = nodeAttestor
    self.workloadAttestors = workloadAttestors
    self.svidStores = svidStores
    self.log = log
    self.startedAt = startedAt
    self.time = time
    self.random = random
    self.metrics = metrics
    health = AgentHealth(socketPath: configuration.isWorkloadAPIEnabled ? configuration.socketPath : nil)
  }

  func run() async throws {
    do {
      // The agent's servers are stopped hard, so there is nothing to wait for.
      try await cancelWhenGracefulShutdown { try await serve() }
    } catch {
      if Task.isShuttingDownGracefully { return }
      throw error
    }
  }

  private func serve() async throws {
    let address = ServerAddress(
      host: configuration.serverAddress, port: configuration.serverPort, trustDomain: configuration.trustDomain)
    let attestation = NodeAttestation(
      trustDomain: configuration.trustDomain, attestor: nodeAttestor,
      bootstrap: BootstrapBundle(
        configuration.bootstrap, server: address,
        roots: .system(environment: ProcessInfo.processInfo.environment), tls: configuration.tls),
      server: GRPCAttestation(address: address, tls: configuration.tls, time: time), storage: storage,
      keyManager: keyManager, time: time, metrics: metrics, logger: log.logger.with(subsystem: "attestor"))
    let retry = StartRetry(time: time, random: random, logger: log.logger)
    let rebootstrap = Rebootstrap(
      mode: configuration.rebootstrapMode, delay: configuration.rebootstrapDelay, storage: storage, time: time,
      metrics: metrics, logger: log.logger.with(["Logger": "TrustBundleSources"]))
    let identity = try await attest(attestation, retry, rebootstrap)
    let server = try GRPCServerAPI(address: address, identity: identity, policy: configuration.tls, time: time)
    let parts = makeParts(identity, server, attestation, rebootstrap)
    presence.set(identity, parts.cache)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      group.addTask {
        try await retry.run(
          "Failed to initialize the agent", stopsOnRefusal: false, budget: rebootstrap.startBudget
        ) {
          try await parts.manager.initialize()
        }
        try await serve(parts)
      }
      defer {
        group.cancelAll()
        parts.cache.close()
      }
      // The second one ends only with an error or the shutdown; the first one with the second.
      try await group.next()
    }
  }

  private func attest(
    _ attestation: NodeAttestation, _ retry: StartRetry, _ rebootstrap: Rebootstrap
  ) async throws -> AgentIdentity {
    let start = ContinuousClock.now
    let stored = await storage.current
    if !stored.svid.isEmpty { try rebootstrap.check(reattestable: stored.reattestable) }
    let (svid, bundle) = try await retry.run(
      "Failed to retrieve attestation result", budget: rebootstrap.startBudget
    ) {
      do { return try await attestation.attempt() } catch {
        await rebootstrap.attestationFailed(AgentError.wrapping(error))
        throw error
      }
    }
    try rebootstrap.check(reattestable: svid.reattestable)
    let attempts = await storage.current.connectionAttempts
    if attempts > 0 {
      let sources = log.logger.with(["Logger": "TrustBundleSources"])
      sources.info("Success after \(GoDuration.format(start.duration(to: .now))) attempts=\(attempts)")
      sources.info("Setting use.")
    }
    do {
      try await storage.keep { data in
        data.svid = svid.chain
        data.reattestable = svid.reattestable
        data.bundle = bundle.x509Authorities.map(\.der)
        data.bootstrapUse = .rebootstrap
        data.bootstrapStartTime = AgentData.noTime
        data.connectionAttempts = 0
      }
    } catch {
      // The token may be spent: what it bought is used, and stored as soon as that works.
      log.logger.error("Could not store the agent's SVID", metadata: ["error": "\(error.message)"])
    }
    Rebootstrap.report(await storage.current, to: metrics)
    return AgentIdentity(
      svid: svid, bundle: bundle, policy: RotationPolicy(availabilityTarget: configuration.availabilityTarget),
      random: random)
  }

  private func serve(_ parts: Parts) async throws {
    let logger = log.logger.with(subsystem: "manager")
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer {
          logger.debug("Stopping SVID rotator")
          logger.info("Cache manager stopped")
        }
        try await parts.manager.run()
      }
      if !svidStores.isEmpty { group.addTask { try await parts.stores.run() } }
      let endpoints = AgentEndpoints(
        configuration: configuration, health: health, logger: log.logger, metrics: metrics, time: time)
      if let workloads = try endpoints.workloads(parts.api) {
        group.addTask { try await workloads.run() }
      } else {
        log.logger.info(
          "Skipping agent APIs because public endpoint is disabled", metadata: ["apis": "Workload and SDS APIs"])
        health.started()
      }
      if let admin = try endpoints.admin(parts.admin) { group.addTask { try await admin.run() } }
      for broker in try endpoints.broker(parts.admin) { group.addTask { try await broker.run() } }
      defer { group.cancelAll() }
      while try await group.next() != nil {}
    }
  }
}
