import AgentPlugins
import Daemon
import EnvoyProtos
import GRPCCore
import Logging
import RPC
import WorkloadProtos

/// Opens the agent's sockets and logs what becomes of them (agent-behaviour §10, §15). Used once, by
/// ``AgentSession``.
struct AgentEndpoints {
  let configuration: AgentConfiguration
  let health: AgentHealth
  /// Without a subsystem.
  let logger: Logger
  let metrics: Metrics
  let time: any TimeSource

  /// The socket of the workloads; nil when there is nothing to serve on it.
  func workloads(_ api: WorkloadAPI) throws -> GRPCEndpoint? {
    guard configuration.isPublicEndpointEnabled else { return nil }
    let logger = logger.with(subsystem: "endpoints")
    let socket = try ListeningSocket.unix(path: configuration.socketPath, mode: 0o777, directoryMode: 0o755)
    let health = health
    var services: [any RegistrableRPCService] = [HealthService { _ in await health.isWorkloadAPIAvailable() }]
    var policies = HealthService.policies(callers: .any)
    if configuration.isWorkloadAPIEnabled {
      services.append(WorkloadAPIService(api, processes: .ofEnvironment()))
      policies += WorkloadAPIService.policies
    }
    if configuration.isSDSAPIEnabled {
      let secrets = SecretDiscovery(api, names: configuration.secretNames, metrics: metrics)
      services.append(SecretDiscoveryService(secrets, processes: .ofEnvironment()))
      policies += SecretDiscoveryService.policies
    }
    services.append(
      ReflectionService(
        of: services, descriptorSets: [WorkloadProtosDescriptors.base64, EnvoyProtosDescriptors.base64]))
    policies += ReflectionService.policies(callers: .any)
    let apis: Logger.Metadata = ["apis": "\(names)"]
    // The broker's sockets take some of the descriptors.
    return endpoint(socket, services, policies, logger, fifths: configuration.broker == nil ? 3 : 2) { event in
      switch event {
      case .started:
        logger.info(
          "Starting agent APIs",
          metadata: apis.merging(["address": "\(socket.address)", "network": "\(socket.address.network)"]) { $1 })
        health.started()
      case .stopped: logger.info("Stopping agent APIs", metadata: apis)
      case .stopping, .stoppedGracefully, .stoppedHard: break
      }
    }
  }

  /// What is served to workloads, as the log names it.
  private var names: String {
    switch (configuration.isWorkloadAPIEnabled, configuration.isSDSAPIEnabled) {
    case (true, true): "Workload and SDS APIs"
    case (true, false): "Workload API"
    case (false, _): "SDS API"
    }
  }

  /// The socket of the operators; nil without `admin_socket_path`.
  func admin(_ parts: AdminParts) throws -> GRPCEndpoint? {
    guard let path = configuration.adminSocketPath else { return nil }
    let socket = try ListeningSocket.unix(path: path, mode: 0o770, directoryMode: 0o755)
    let level = parts.logLevel.launch
    logger.info("Logger service configured", metadata: ["launch_log_level": "\(level.rawValue)"])
    let place: Logger.Metadata = ["address": "\(socket.address)", "network": "\(socket.address.network)"]
    let logger = logger
    return endpoint(socket, AdminServices.services(parts), AdminServices.policies, logger, fifths: 1) { event in
      switch event {
      case .started: logger.info("Starting Admin APIs", metadata: place)
      case .stopping: logger.info("Stopping Admin APIs", metadata: place)
      case .stopped: logger.info("Admin APIs have stopped", metadata: place)
      case .stoppedGracefully, .stoppedHard: break
      }
    }
  }

  /// The sockets of the brokers; none without `experimental.broker`.
  func broker(_ parts: AdminParts) throws -> [GRPCEndpoint] {
    guard let settings = configuration.broker else { return [] }
    return try BrokerEndpoints(BrokerParts(settings, parts), policy: configuration.tls, logger: logger).open()
  }

  private func endpoint(
    _ socket: ListeningSocket, _ services: [any RegistrableRPCService], _ policies: [MethodPolicy], _ logger: Logger,
    fifths: Int, _ observe: @escaping @Sendable (GRPCEndpoint.Event) -> Void
  ) -> GRPCEndpoint {
    var options = GRPCEndpoint.Options()
    options.shutdown = .hard
    options.descriptorFifths = fifths
    options.logger = logger
    return GRPCEndpoint(
      socket: socket, services: services,
      interceptors: [
        CallInterceptor(
          policies: policies, authorizer: LocalOnlyAuthorizer(), logger: logger, metrics: metrics, style: .agent)
      ], options: options, time: time, observe: observe)
  }
}
