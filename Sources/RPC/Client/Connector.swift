import Daemon
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Opens connections for a client: dials, does TLS with the identity of the moment, waits until the server has spoken.
struct Connector: Sendable {
  enum Target: Sendable {
    /// Over TLS where the socket is a broker endpoint's.
    case unix(path: String, tls: ClientTLS?)
    /// Over TLS, or without where a peer on this host is asked that does not speak it.
    case tcp(host: String, port: Int, tls: ClientTLS?)
  }

  let target: Target
  /// For dialling, and again for the handshake and the server's first bytes.
  let timeout: Duration

  /// Where the verification leaves its reason, as TLS itself only says that there is one.
  private final class Refusal: Sendable {
    let reason = Mutex<(any Error)?>(nil)
  }

  private struct Opened: Sendable {
    let connection: ClientConnection
    let heard: EventLoopFuture<Void>
  }

  /// - Throws: ``ConnectError``.
  func connect() async throws -> ClientConnection {
    let refusal = Refusal()
    let opened = try await dial(refusal)
    do {
      try await opened.heard.get()
      return opened.connection
    } catch {
      opened.connection.end()
      await opened.connection.run()
      throw handshakeError(error, refusal)
    }
  }

  private func dial(_ refusal: Refusal) async throws -> Opened {
    let heard = Mutex<EventLoopFuture<Void>?>(nil)
    let channel = Mutex<(any Channel)?>(nil)
    var config = HTTP2ClientTransport.WrappedChannel.Config.defaults
    config.connection.flushCoalescing = nil
    config.http2.authority = authority
    do {
      let transport = try await HTTP2ClientTransport.WrappedChannel.wrapping(config: config) { configure in
        let prepare: @Sendable (any Channel) -> EventLoopFuture<HTTP2ClientTransport.WrappedChannel.ConfiguredChannel> =
          {
            connected in
            let promise = connected.eventLoop.makePromise(of: Void.self)
            heard.withLock { $0 = promise.futureResult }
            channel.withLock { $0 = connected }
            return connected.eventLoop.makeCompletedFuture {
              let pipeline = connected.pipeline.syncOperations
              do {
                if let handler = try tlsHandler(refusal) { try pipeline.addHandler(handler) }
                try pipeline.addHandler(FirstBytesHandler(deadline: TimeAmount(timeout), heard: promise))
              } catch {
                promise.fail(error)
                throw error
              }
            }.flatMap { configure(connected) }
          }
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
          .connectTimeout(TimeAmount(timeout))
        switch target {
        case .unix(let path, _):
          return try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: prepare)
        case .tcp(let host, let port, _):
          return try await bootstrap.connect(host: host, port: port, channelInitializer: prepare)
        }
      }
      guard let heard = heard.withLock({ $0 }), let channel = channel.withLock({ $0 }) else {
        throw ChannelError.operationUnsupported
      }
      return Opened(connection: ClientConnection(transport: transport, channel: channel), heard: heard)
    } catch {
      throw dialError(error)
    }
  }

  /// What requests name as their server.
  private var authority: String {
    switch target {
    case .unix: "localhost"
    case .tcp(let host, let port, _): PeerAddress(ip: host, port: port).description
    }
  }

  private func tlsHandler(_ refusal: Refusal) throws -> NIOSSLClientHandler? {
    let tls: ClientTLS
    var name: String?
    switch target {
    case .unix(_, let policy):
      guard let policy else { return nil }
      tls = policy
    case .tcp(let host, _, let policy):
      guard let policy else { return nil }
      tls = policy
      // Some load balancers route by name; an address may not be named (RFC 6066 §3).
      if (try? SocketAddress(ipAddress: host, port: 0)) == nil { name = host }
    }
    let context = try TLSContext.client(tls.credential(), policy: tls.policy)
    return try NIOSSLClientHandler(
      context: context, serverHostname: name,
      customVerificationCallback: { presented, promise in
        do {
          try tls.verify(presented.map { try $0.toDERBytes() })
          promise.succeed(.certificateVerified)
        } catch {
          refusal.reason.withLock { $0 = error }
          promise.succeed(.failed)
        }
      })
  }

  private func dialError(_ error: any Error) -> ConnectError {
    var reason = "\(error)"
    var network = "unix"
    var address = ""
    var hint = "check that the server runs and that the socket path is right"
    switch target {
    case .unix(let path, _): address = path
    case .tcp(let host, let port, _):
      network = "tcp"
      address = PeerAddress(ip: host, port: port).description
      hint = "check that the server runs and that its address and port are right"
    }
    if let failure = error as? IOError {
      reason = "connect: " + GoText.errno(failure.errnoCode)
      if failure.errnoCode == EACCES { hint = "run as root or as a user who may use the socket" }
    } else if let failure = error as? NIOConnectionError {
      if let first = failure.connectionErrors.first {
        reason = (first.error as? IOError).map { "connect: " + GoText.errno($0.errnoCode) } ?? "\(first.error)"
      } else {
        return .dial(
          "dial tcp: lookup \(failure.host): no such host", hint: "check the server's name", cause: error)
      }
    } else if case .connectTimeout? = error as? ChannelError {
      reason = "i/o timeout"
    } else if error is SocketAddressError {
      reason = "connect: invalid argument"
      hint = "a socket path has at most 107 bytes"
    }
    return .dial("dial \(network) \(address): \(reason)", hint: hint, cause: error)
  }

  private func handshakeError(_ error: any Error, _ refusal: Refusal) -> ConnectError {
    if let reason = refusal.reason.withLock({ $0 }) { return ClientTLS.connectError(for: reason) }
    switch target {
    case .unix(let path, _):
      return .handshake(
        .handshake, "the process at \(path) closed the connection or does not speak gRPC",
        hint: "check that the socket belongs to the right server", cause: error)
    case .tcp(let host, let port, _):
      let address = PeerAddress(ip: host, port: port)
      if error is FirstBytesHandler.Silent {
        return .handshake(
          .handshake, "\(address) did not answer in time", hint: "check that a server listens there", cause: error)
      }
      return .handshake(
        .handshake, "\(address) ended the handshake: \(error)",
        hint: "the server may not accept this certificate; its log says why", cause: error)
    }
  }
}
