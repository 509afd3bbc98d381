import NIOCore
import NIOPosix
import NIOSSL

/// Opens the connections of a fleet: to the server from an address of its own for each agent, and to the admin socket.
final class Dialer {
  private let loop: any EventLoop
  private let port: Int
  let credentials: Credentials

  init(loop: any EventLoop, port: Int, credentials: Credentials) {
    self.loop = loop
    self.port = port
    self.credentials = credentials
  }

  /// Connects agent number `index`. `ready` gets nil when nobody answers.
  func connect(
    agent index: Int, chain: [[UInt8]], onClose: @escaping () -> Void, ready: @escaping (GRPCConnection?) -> Void
  ) {
    let connection = GRPCConnection(authority: "server", onClose: onClose)
    let bound = NIOLoopBound(connection, eventLoop: loop)
    do {
      let tls = NIOLoopBound(
        try NIOSSLClientHandler(context: credentials.context(chain), serverHostname: nil), eventLoop: loop)
      // 127.1.0.1 and on: as many sources as agents, a rate limit or a table per address sees each of them.
      let number = index + (1 << 16)
      let source = "127.\(number >> 16 & 255).\(number >> 8 & 255).\(max(1, number & 255))"
      let dialled = ClientBootstrap(group: loop)
        .connectTimeout(.seconds(20))
        .bind(to: try SocketAddress(ipAddress: source, port: 0))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers([tls.value, bound.value])
          }
        }
        .connect(host: "127.0.0.1", port: port)
      finish(dialled, bound, ready)
    } catch {
      ready(nil)
    }
  }

  func connect(socket path: String, onClose: @escaping () -> Void, ready: @escaping (GRPCConnection?) -> Void) {
    let bound = NIOLoopBound(GRPCConnection(authority: "localhost", onClose: onClose), eventLoop: loop)
    let dialled = ClientBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
      }
      .connect(unixDomainSocketPath: path)
    finish(dialled, bound, ready)
  }

  private func finish(
    _ dialled: EventLoopFuture<any Channel>, _ connection: NIOLoopBound<GRPCConnection>,
    _ ready: @escaping (GRPCConnection?) -> Void
  ) {
    dialled.assumeIsolated().whenComplete { result in
      if case .success = result { ready(connection.value) } else { ready(nil) }
    }
  }
}
