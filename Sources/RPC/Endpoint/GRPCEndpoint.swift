package import Daemon
package import GRPCCore
package import Logging
import NIOCore
import ServiceLifecycle
package import TLS

/// Serves gRPC services on a socket, as a service of the daemon's group.
///
/// ```swift
/// let socket = try ListeningSocket.unix(path: path, mode: 0o770, directoryMode: 0o750)
/// let endpoint = GRPCEndpoint(socket: socket, services: services, interceptors: [calls], time: time)
/// ```
///
/// Graceful shutdown stops accepting, lets calls finish for as long as ``Options/shutdown`` says, then closes the rest.
package final class GRPCEndpoint: Service {
  package enum Shutdown: Sendable {
    /// Calls may finish for this long.
    case graceful(Duration)
    /// Everything is closed at once.
    case hard
  }

  package struct Options: Sendable {
    package var tls: (identity: any TLSIdentity, policy: TLSPolicy)?
    package var shutdown: Shutdown = .graceful(.seconds(10))
    /// A larger request is refused with RESOURCE_EXHAUSTED.
    package var maximumMessageBytes = 4 * 1024 * 1024
    /// The metadata of a request, as HTTP/2 counts it.
    package var maximumHeaderBytes = 16 * 1024
    /// Calls at the same time per connection.
    package var maximumStreams = 1000
    /// Connections at the same time; more are closed as soon as they are accepted. Fewer where the process may not open
    /// as many descriptors. A local user, or an address without a certificate, may have as many as are free.
    package var maximumConnections = 20_000
    /// Connections at the same time of an address, or an IPv6 network, that has shown no certificate.
    package var maximumConnectionsOfAddress = 4096
    /// Connections at the same time, over all and of an address (or a user), that keep the endpoint waiting for their TLS
    /// handshake: nothing came, or it has stalled. With one more, the one that has waited longest is closed.
    package var maximumIdleHandshakes = 4096
    package var maximumIdleHandshakesOfAddress = 256
    /// How many fifths of the process's descriptors its connections may take. All endpoints of a process together leave
    /// one.
    package var descriptorFifths = 3
    /// Calls at the same time over all connections. A local user may have as many as are free.
    package var maximumCalls = 250_000
    /// Those among them of callers who have shown no certificate and are no local process. An address may have as many as
    /// are free.
    package var maximumStrangerCalls = 10_000
    /// Bytes kept for callers without a certificate: of requests that no method has taken, and for those who are no local
    /// process of answers that they have not read. A local user, or an address, may have as many as are free.
    package var maximumHeldBytes = 128 * 1024 * 1024
    /// TLS handshakes at the same time; further ones wait, in turns of their addresses.
    package var maximumHandshakes = 64
    /// After this a connection is asked to go, so that clients come back with a fresh handshake; `nil` is never.
    package var maximumConnectionAge: Duration?
    /// What the age of each connection is multiplied by: near one, so that they do not all go at once.
    package var connectionAgeFactor: @Sendable () -> Double = { .random(in: 0.9...1.1) }
    /// A connection on which HTTP/2 does not begin within this time is closed. TLS counts.
    package var silenceLimit: Duration = .seconds(20)
    /// A TCP client that was silent for the interval is pinged, and given up if it does not answer in time.
    package var keepalive: (interval: Duration, timeout: Duration)? = (.seconds(7200), .seconds(20))
    /// Gets one record for each connection that is closed for a fault of its client.
    package var logger: Logger?

    package init() {}

    func limits(for address: ListeningSocket.Address) -> ConnectionLimits {
      var limits = ConnectionLimits()
      limits.messageBytes = maximumMessageBytes
      limits.headerBytes = maximumHeaderBytes
      limits.streams = maximumStreams
      limits.silence = TimeAmount(silenceLimit)
      limits.age = maximumConnectionAge.map { TimeAmount($0) }
      if case .tcp = address, let keepalive {
        limits.keepalive = (TimeAmount(keepalive.interval), TimeAmount(keepalive.timeout))
      }
      return limits
    }
  }

  /// What happens in the life of the endpoint, for the log lines of its owner.
  package enum Event: Sendable {
    case started
    case stopping
    /// All calls finished in time.
    case stoppedGracefully
    /// Some did not, and were cut off.
    case stoppedHard
    case stopped
  }

  private let server: GRPCServer<SocketTransport>
  private let socket: ListeningSocket
  private let shutdown: Shutdown
  private let time: any TimeSource
  private let observe: @Sendable (Event) -> Void

  package init(
    socket: ListeningSocket, services: [any RegistrableRPCService], interceptors: [any ServerInterceptor] = [],
    options: Options = Options(), time: any TimeSource, observe: @escaping @Sendable (Event) -> Void = { _ in }
  ) {
    self.socket = socket
    self.time = time
    self.observe = observe
    shutdown = options.shutdown
    server = GRPCServer(
      transport: SocketTransport(socket: socket, options: options), services: services, interceptors: interceptors)
  }

  /// Where the endpoint listens; the port is the bound one.
  package var address: ListeningSocket.Address { socket.address }

  /// The connections that are open now.
  package var connectionCount: Int { server.transport.connectionCount }

  private enum Step: Sendable {
    case served
    case outOfTime
  }

  package func run() async throws {
    observe(.started)
    defer {
      socket.removeFile()
      observe(.stopped)
    }
    try await withThrowingTaskGroup(of: Step.self) { group in
      group.addTask {
        try await self.server.serve()
        return .served
      }
      group.addTask {
        do { try await gracefulShutdown() } catch { return .outOfTime }
        self.observe(.stopping)
        if case .graceful(let patience) = self.shutdown {
          self.server.beginGracefulShutdown()
          try? await self.time.sleep(for: patience)
        }
        return .outOfTime
      }
      let first = try await group.next()
      group.cancelAll()
      guard first == .outOfTime else {
        observe(.stoppedGracefully)
        return
      }
      do { while try await group.next() != nil {} } catch is CancellationError {} catch is RuntimeError {}
      observe(.stoppedHard)
    }
  }
}
