import Daemon
import Logging
import RPC
import SPIFFE

/// Opens the two endpoints of the server and logs what becomes of them (server-behaviour §7.3). Used once, by
/// ``ServerRuntime``.
struct ServerEndpoints {
  let configuration: ServerConfiguration
  let parts: ServerParts
  /// Without a subsystem.
  let logger: Logger
  let metrics: Metrics

  /// Binds both sockets; nothing is served until the endpoints run.
  ///
  /// - Throws: ``EndpointError`` that names the address or path.
  func open() throws -> [GRPCEndpoint] {
    let adminIDs = Set(configuration.adminIDs)
    let services = ServerServices(
      parts: parts,
      authorizer: ServerAuthorizer(
        adminIDs: adminIDs, entries: parts.entries, datastore: parts.datastore, time: parts.time),
      limits: RateLimits(
        attestation: configuration.limitsAttestation, signing: configuration.limitsSigning, time: parts.time),
      logger: logger, metrics: metrics, auditing: configuration.isAuditLogEnabled)
    var remote = GRPCEndpoint.Options()
    let identity = ServerTLSIdentity(
      trustDomain: parts.trustDomain, adminIDs: adminIDs, svid: parts.serverSVID, bundles: parts.bundles,
      time: parts.time, logger: logger)
    remote.tls = (identity, configuration.tls)
    remote.maximumConnectionAge = .seconds(180)
    // Every agent holds one.
    remote.maximumConnections = 100_000
    remote.logger = logger.with(subsystem: "endpoints")
    var local = GRPCEndpoint.Options()
    local.descriptorFifths = 1
    local.logger = remote.logger
    let tcp = try ListeningSocket.tcp(host: configuration.bindIP, port: configuration.bindPort)
    let unix = try ListeningSocket.unix(path: configuration.socketPath, mode: 0o770, directoryMode: 0o750)
    return [
      GRPCEndpoint(
        socket: tcp, services: services.remote, interceptors: services.interceptors, options: remote,
        time: parts.time, observe: observer(tcp.address)),
      GRPCEndpoint(
        socket: unix, services: services.local, interceptors: services.interceptors, options: local,
        time: parts.time, observe: observer(unix.address)),
    ]
  }

  private func observer(_ address: ListeningSocket.Address) -> @Sendable (GRPCEndpoint.Event) -> Void {
    let logger = logger.with(subsystem: "endpoints")
      .with(["address": "\(address)", "network": "\(address.network)"])
    return { event in
      switch event {
      case .started: logger.info("Starting Server APIs")
      case .stopping:
        logger.info("Stopping Server APIs")
        logger.info("Attempting graceful stop")
      case .stoppedGracefully: logger.info("Graceful stop successful")
      case .stoppedHard: logger.warning("Graceful stop unsuccessful, forced stop")
      case .stopped: logger.info("Server APIs have stopped")
      }
    }
  }
}
