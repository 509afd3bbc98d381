package import AgentPlugins
import Daemon
import GRPCCore
package import Logging
package import RPC
package import TLS
import WorkloadProtos

/// Opens the sockets of the broker API: a Unix socket, a TCP address, or both, each behind mutual TLS. Used once.
package struct BrokerEndpoints {
  /// Connections at the same time, per socket: brokers are few, and descriptors are for workloads.
  static let maximumConnections = 128

  private let parts: BrokerParts
  private let policy: TLSPolicy
  private let processes: HostProcesses
  private let logger: Logger

  /// - Parameter logger: without a subsystem.
  package init(_ parts: BrokerParts, policy: TLSPolicy, processes: HostProcesses = .ofEnvironment(), logger: Logger) {
    self.parts = parts
    self.policy = policy
    self.processes = processes
    self.logger = logger
  }

  package func open() throws -> [GRPCEndpoint] {
    var sockets: [ListeningSocket] = []
    if let path = parts.settings.socketPath {
      sockets.append(try ListeningSocket.unix(path: path, mode: 0o770, directoryMode: 0o755))
    }
    if let address = parts.settings.listenAddress { sockets.append(try Self.listen(address)) }
    return sockets.map(endpoint(on:))
  }

  private static func listen(_ address: ListenAddress) throws -> ListeningSocket {
    guard address.host.isEmpty else { return try .tcp(host: address.host, port: address.port) }
    // A machine without IPv6 says what else is wrong in the words of IPv4.
    do { return try .tcp(host: "::", port: address.port) } catch {
      return try .tcp(host: "0.0.0.0", port: address.port)
    }
  }

  private func endpoint(on socket: ListeningSocket) -> GRPCEndpoint {
    let services: [any RegistrableRPCService] = [BrokerService(parts, processes: processes)]
    let reflection = ReflectionService(of: services, descriptorSets: [WorkloadProtosDescriptors.base64])
    var options = GRPCEndpoint.Options()
    options.tls = (BrokerTLSIdentity(parts.identity, parts.trust), policy)
    options.shutdown = .hard
    options.descriptorFifths = 1
    options.maximumConnections = Self.maximumConnections
    let logger = logger
    options.logger = logger.with(subsystem: "broker_api")
    let place: Logger.Metadata = ["address": "\(socket.address)", "network": "\(socket.address.network)"]
    return GRPCEndpoint(
      socket: socket, services: services + [reflection],
      interceptors: [
        CallInterceptor(
          policies: BrokerService.policies + ReflectionService.policies(callers: .any),
          authorizer: LocalOnlyAuthorizer(), logger: logger.with(subsystem: "broker_api"), metrics: parts.metrics,
          style: .agent), BrokerGate(),
      ], options: options, time: parts.time
    ) { event in
      switch event {
      case .started: logger.info("Starting SPIFFE Broker Endpoint", metadata: place)
      case .stopping: logger.info("Stopping SPIFFE Broker Endpoint", metadata: place)
      case .stopped: logger.info("SPIFFE Broker Endpoint has stopped", metadata: place)
      case .stoppedGracefully, .stoppedHard: break
      }
    }
  }
}
