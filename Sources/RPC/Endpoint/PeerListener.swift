import GRPCNIOTransportHTTP2Posix
import NIOCore
import NIOPosix
import NIOSSL

/// Accepts the connections of an endpoint: records the peer, puts TLS with a context of its own in front, then gRPC.
///
/// A stepping stone on the stock transport: nothing outside `RPC` knows it.
struct PeerListener: HTTP2ServerTransport.ListenerFactory {
  let socket: ListeningSocket
  let tls: (identity: any TLSIdentity, policy: TLSPolicy)?
  let group: MultiThreadedEventLoopGroup
  let registry: ConnectionRegistry
  let silenceLimit: TimeAmount

  var eventLoopGroup: any EventLoopGroup { group }

  func makeListeningChannel(
    listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
    connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
  ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
    guard let descriptor = socket.take() else {
      throw EndpointError(code: .badAddress, message: "the socket \(socket.address) is already in use by an endpoint")
    }
    let bootstrap = ServerBootstrap(group: group).serverChannelInitializer {
      listenerConfigurator.configure(channel: $0)
    }
    return try await bootstrap.bind(descriptor) { [self] channel in
      channel.eventLoop.makeCompletedFuture { try prepare(channel) }
        .flatMap {
          connectionConfigurator.configure(channel: $0, tls: tls == nil ? .none : .configured(requireALPN: true))
        }
    }
  }

  private func prepare(_ channel: any Channel) throws -> TaggedChannel {
    let isUnix = if case .unix = socket.address { true } else { false }
    let peer = try registry.register(channel, isUnix: isUnix)
    let pipeline = channel.pipeline.syncOperations
    if let tls {
      // A context per connection: its ticket key is its own, so no session is ever resumed and every peer is verified.
      let context = try TLSContext.server(tls.identity.credential(), policy: tls.policy)
      let handler = NIOSSLServerHandler(
        context: context,
        customVerificationCallback: { presented, promise in
          Self.verify(presented, peer, tls.identity, promise)
        })
      try pipeline.addHandler(handler)
    }
    try pipeline.addHandler(FirstBytesHandler(deadline: silenceLimit))
    return try TaggedChannel(channel, id: peer.id)
  }

  private static func verify(
    _ presented: [NIOSSLCertificate], _ peer: PeerConnection, _ identity: any TLSIdentity,
    _ promise: EventLoopPromise<NIOSSLVerificationResult>
  ) {
    // The bridge from NIO: ends with the connection, which cancels it.
    peer.track(
      Task {
        do {
          let chain = try presented.map { try $0.toDERBytes() }
          guard !chain.isEmpty else {
            promise.succeed(.certificateVerified)
            return
          }
          peer.verified(try await identity.verify(chain))
          promise.succeed(.certificateVerified)
        } catch {
          promise.succeed(.failed)
        }
      })
  }
}
