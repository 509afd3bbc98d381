import GRPCCore
import GRPCNIOTransportHTTP2Posix
import NIOCore
import NIOPosix

/// gRPC's own HTTP/2 server transport over connections that we accept; each call's context carries its ``PeerConnection``.
struct PeerTransport: ServerTransport {
  typealias Bytes = GRPCNIOTransportBytes

  private let inner: HTTP2ServerTransport.Custom<PeerListener>
  private let registry = ConnectionRegistry()

  init(socket: ListeningSocket, options: GRPCEndpoint.Options) {
    var config = HTTP2ServerTransport.Custom<PeerListener>.Config.defaults
    config.rpc.maxRequestPayloadSize = options.maximumMessageBytes
    config.http2.maxConcurrentStreams = options.maximumStreams
    config.connection.maxAge = options.maximumConnectionAge
    config.connection.keepalive.clientBehavior.allowWithoutCalls = true
    if case .unix = socket.address { config.connection.flushCoalescing = nil }
    let listener = PeerListener(
      socket: socket, tls: options.tls, group: .singleton, registry: registry,
      silenceLimit: TimeAmount(options.silenceLimit))
    inner = HTTP2ServerTransport.Custom(listenerFactory: listener, config: config)
  }

  func listen(
    streamHandler: @escaping @Sendable (RPCStream<Inbound, Outbound>, ServerContext) async -> Void
  ) async throws {
    let registry = self.registry
    try await inner.listen { stream, context in
      var context = context
      context.transportSpecific = registry.connection(named: context.remotePeer)
      await streamHandler(stream, context)
    }
  }

  func beginGracefulShutdown() { inner.beginGracefulShutdown() }

  func configure(context: GRPCServerContext) { inner.configure(context: context) }

  var connectionCount: Int { registry.count }
}
