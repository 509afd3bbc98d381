import GRPCCore
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The server transport of ``GRPCEndpoint``: gRPC over HTTP/2 on the connections of a listening socket.
///
/// GRPCCore's server configures it once, listens once and may ask it to drain; cancelling `listen` closes everything. It
/// returns when every connection is closed and every task of theirs has ended. A mutex guards the state.
final class SocketTransport: ServerTransport {
  typealias Bytes = MessageBytes

  private struct State {
    var methods = MethodTable()
    var listener: (any Channel)?
    var isStopping = false
  }

  private let socket: ListeningSocket
  private let options: GRPCEndpoint.Options
  private let registry: ConnectionRegistry
  private let group = MultiThreadedEventLoopGroup.singleton
  private let state = Mutex(State())

  init(socket: ListeningSocket, options: GRPCEndpoint.Options) {
    self.socket = socket
    self.options = options
    registry = ConnectionRegistry(
      most: min(
        options.maximumConnections,
        DescriptorLimit.connections(on: socket.address, fifths: options.descriptorFifths)),
      mostOfAddress: options.maximumConnectionsOfAddress,
      idle: (options.maximumIdleHandshakes, options.maximumIdleHandshakesOfAddress),
      calls: CallRoom(
        calls: options.maximumCalls, strangers: options.maximumStrangerCalls, bytes: options.maximumHeldBytes))
  }

  var connectionCount: Int { registry.count }

  func configure(context: GRPCServerContext) {
    state.withLock { $0.methods = MethodTable(context.methods) }
  }

  func listen(
    streamHandler: @escaping @Sendable (RPCStream<Inbound, Outbound>, ServerContext) async -> Void
  ) async throws {
    guard let descriptor = socket.take() else {
      throw EndpointError(code: .badAddress, message: "the socket \(socket.address) is already in use by an endpoint")
    }
    let acceptor = ConnectionAcceptor(
      address: socket.address, tls: options.tls, registry: registry,
      service: ConnectionService(
        limits: options.limits(for: socket.address), methods: state.withLock { $0.methods },
        log: ConnectionLog(options.logger), handler: streamHandler),
      executors: LoopExecutor.all(of: group), ageFactor: options.connectionAgeFactor,
      gate: options.tls.map { _ in HandshakeGate(limit: options.maximumHandshakes) })
    let listener = try await acceptor.listen(on: descriptor, group: group)
    let isStopping = state.withLock { state in
      state.listener = listener
      return state.isStopping
    }
    if isStopping { listener.close(promise: nil) }
    await withTaskCancellationHandler {
      try? await listener.closeFuture.get()
      await registry.empty()
    } onCancel: {
      listener.close(promise: nil)
      registry.close()
    }
  }

  func beginGracefulShutdown() {
    let listener = state.withLock { state in
      state.isStopping = true
      return state.listener
    }
    listener?.close(promise: nil)
    registry.drain()
  }
}
