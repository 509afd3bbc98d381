import Daemon
import Glibc
import Logging
import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL
import TLS

/// Accepts the connections of an endpoint and builds their pipelines: TLS with a context of its own if asked for, the
/// meter, HTTP/2, and the handler that makes calls. One per endpoint, owned by ``SocketTransport`` until the last
/// connection has ended.
///
/// Over TLS a connection is built in three steps, so that strangers cost no more than the step that they have come to:
/// when it is accepted it gets its ``HandshakeAdmission`` alone; when its handshake may begin, TLS; when that is done,
/// HTTP/2.
final class ConnectionAcceptor: Sendable {
  let address: ListeningSocket.Address
  let tls: (identity: any TLSIdentity, policy: TLSPolicy)?
  let registry: ConnectionRegistry
  let service: ConnectionService
  let executors: [ObjectIdentifier: LoopExecutor]
  /// What the age of connections is multiplied by: a random factor near one, so that they do not all go at once.
  let ageFactor: @Sendable () -> Double
  /// Bounds the handshakes of an endpoint behind TLS.
  let gate: HandshakeGate?

  init(
    address: ListeningSocket.Address, tls: (identity: any TLSIdentity, policy: TLSPolicy)?,
    registry: ConnectionRegistry, service: ConnectionService, executors: [ObjectIdentifier: LoopExecutor],
    ageFactor: @escaping @Sendable () -> Double, gate: HandshakeGate? = nil
  ) {
    self.address = address
    self.tls = tls
    self.registry = registry
    self.service = service
    self.executors = executors
    self.ageFactor = ageFactor
    self.gate = gate
  }

  func listen(on descriptor: Int32, group: any EventLoopGroup) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          // No descriptors left: accepting pauses for a second, and the listener lives.
          try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
          try channel.pipeline.syncOperations.addHandler(AcceptErrorHandler(log: self.service.log))
        }
      }
      // Requests are small: a buffer for a read starts so, and grows with what comes. Idle connections keep three of them.
      .childChannelOption(
        .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 65_536)
      )
      .childChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try self.prepare(channel) } }
      .withBoundSocket(descriptor).get()
  }

  private func prepare(_ channel: any Channel) throws {
    let id = ConnectionRegistry.newID()
    let peer = PeerConnection(id: id, caller: try caller(channel))
    let share: CallShare
    do {
      share = try registry.add(channel, id: id, owner: ConnectionRegistry.Owner(peer.caller))
    } catch {
      switch error {
      case .tooMany: service.log.crowded("too many connections", peer)
      case .tooManyOf(.user(let user)):
        service.log.crowded("too many connections of the user \(user)", peer)
      case .tooManyOf(.address(let address)):
        service.log.crowded("too many connections without a certificate from \(address)", peer)
      case .stopping: break
      }
      throw ChannelError.alreadyClosed
    }
    do {
      if let gate {
        let visitor = HandshakeAdmission.Visitor(peer: peer, share: share)
        let silenceLimit = service.limits.silence
        try channel.pipeline.syncOperations.addHandler(
          HandshakeAdmission(gate: gate, visitor: visitor, silenceLimit: silenceLimit, host: self))
        registry.setIdle(id, true)
      } else {
        try build(on: channel, peer, share) { [registry] in registry.remove(id) }
      }
    } catch {
      registry.remove(id)
      note(error, peer)
      throw error
    }
  }

  private func note(_ error: any Error, _ peer: PeerConnection) {
    service.log.note("the connection cannot be prepared: \(error)", peer, level: .error)
  }

  /// Adds the handlers of one connection. `onEnd` runs when it is closed and nothing of it runs any more.
  ///
  /// - Parameter admission: the handler of a connection behind TLS whose handshake begins, and when it was accepted.
  func build(
    on channel: any Channel, _ peer: PeerConnection, _ share: CallShare,
    _ admission: (handler: HandshakeAdmission, since: NIODeadline)? = nil, onEnd: @escaping @Sendable () -> Void
  ) throws {
    var service = service
    if let age = service.limits.age {
      service = service.with(age: .nanoseconds(Int64(Double(age.nanoseconds) * ageFactor())))
    }
    let limits = service.limits
    let meter = FrameMeterHandler(limits: limits.frames, silenceLimit: limits.silence, since: admission?.since)
    let errors = HTTP2ErrorObserver()
    let connection = ConnectionHandler(
      peer: peer, names: names(channel), service: service, executor: executors[ObjectIdentifier(channel.eventLoop)],
      meter: meter, errors: errors, share: share,
      setIdle: admission.map { _ in { [registry] in registry.setIdle(peer.id, $0) } }, onEnd: onEnd)
    peer.onDrain { [weak channel] in
      channel?.pipeline.fireUserInboundEventTriggered(ConnectionHandler.Drain(isShutdown: false))
    }
    let pipeline = channel.pipeline.syncOperations
    let http2 = { [self] in
      [
        StreamLimitHandler { limits.streams(for: peer.caller) }, self.http2(limits, errors),
      ] as [any ChannelHandler]
    }
    guard let tls, let admission else {
      try pipeline.addHandlers([meter] + http2() + [connection])
      return
    }
    let tlsHandler = try tlsHandler(tls, peer, NIOLoopBound(connection, eventLoop: channel.eventLoop))
    let end = HandshakeAdmission.End(admission.handler) { [unowned channel] negotiated in
      guard negotiated == "h2" else { return }
      try channel.pipeline.syncOperations.addHandlers(http2(), position: .before(connection))
    }
    try pipeline.addHandlers([tlsHandler, end, meter, connection])
  }

  private func http2(_ limits: ConnectionLimits, _ errors: HTTP2ErrorObserver) -> NIOHTTP2Handler {
    let isLocal = if case .unix = address { true } else { false }
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      // Not the announced one, see StreamLimitHandler.
      HTTP2Setting(parameter: .maxConcurrentStreams, value: Int(Int32.max)),
      HTTP2Setting(parameter: .maxHeaderListSize, value: limits.headerBytes),
    ]
    var stream = NIOHTTP2Handler.StreamConfiguration()
    // The meter counts, and knows honest clients from floods. HTTP/2's own counters would keep a time for each of the
    // events they allow; a window in the past makes them forget at once.
    let never = TimeAmount.nanoseconds(-1)
    connection.controlFrameRateLimit.maximumCount = 4
    connection.controlFrameRateLimit.windowLength = never
    stream.streamResetFrameRateLimit.maximumCount = 4
    stream.streamResetFrameRateLimit.windowLength = never
    stream.streamErrorRateLimit.maximumCount = 4
    stream.streamErrorRateLimit.windowLength = never
    connection.maximumConnectionGlitches = .max
    connection.maximumSequentialEmptyDataFrames = .max
    // Frames that a client sent before it heard that a stream was reset. The list takes its room at once; on one machine
    // they are late by microseconds.
    connection.maximumRecentlyResetStreams = isLocal ? 63 : 255
    return NIOHTTP2Handler(
      mode: .server, frameDelegate: errors, connectionConfiguration: connection, streamConfiguration: stream)
  }

  private func tlsHandler(
    _ tls: (identity: any TLSIdentity, policy: TLSPolicy), _ peer: PeerConnection,
    _ connection: NIOLoopBound<ConnectionHandler>
  ) throws -> NIOSSLServerHandler {
    // A context per connection: its ticket key is its own, so no session is ever resumed and every peer is verified.
    let context = try TLSContext.server(
      tls.identity.credential(), policy: tls.policy, requiresPeerCertificate: tls.identity.requiresPeerCertificate)
    let identity = tls.identity
    let registry = registry
    return NIOSSLServerHandler(
      context: context,
      customVerificationCallback: { presented, promise in
        connection.value.verify {
          do {
            let chain = try presented.map { try $0.toDERBytes() }
            if !chain.isEmpty {
              peer.verified(try await identity.verify(chain))
              registry.release(peer.id)
            }
            promise.succeed(.certificateVerified)
          } catch {
            peer.refused(error)
            promise.succeed(.failed)
          }
        }
      })
  }

  private func caller(_ channel: any Channel) throws -> Caller {
    guard case .unix = address else {
      let remote = channel.remoteAddress
      return .anonymous(PeerAddress(ip: remote?.ipAddress ?? "", port: remote?.port ?? 0))
    }
    let peer = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
      socket in
      guard let peer = LocalPeer(connectedTo: socket) else { throw IOError(errnoCode: errno, reason: "SO_PEERCRED") }
      return peer
    }
    guard let peer else { throw ChannelError.operationUnsupported }
    return .local(peer)
  }

  /// The ends of the connection as GRPCCore names them.
  private func names(_ channel: any Channel) -> (remote: String, local: String) {
    func name(_ remote: SocketAddress?) -> String {
      guard let remote, let port = remote.port, let ip = remote.ipAddress else { return "unix:" }
      return ip.utf8.contains(UInt8(ascii: ":")) ? "ipv6:[\(ip)]:\(port)" : "ipv4:\(ip):\(port)"
    }
    if case .unix(let path) = address { return ("unix:", "unix:\(path)") }
    return (name(channel.remoteAddress), name(channel.localAddress))
  }
}

extension ConnectionAcceptor: HandshakeAdmission.Host {
  func begin(_ admission: HandshakeAdmission, on channel: any Channel, since: NIODeadline) throws {
    let (peer, share) = (admission.visitor.peer, admission.visitor.share)
    do {
      try build(on: channel, peer, share, (admission, since)) { [registry] in registry.remove(peer.id) }
    } catch {
      note(error, peer)
      throw error
    }
  }

  func setIdle(_ visitor: HandshakeAdmission.Visitor, _ isIdle: Bool) { registry.setIdle(visitor.peer.id, isIdle) }

  func turnedAway(_ visitor: HandshakeAdmission.Visitor, _ reason: HandshakeAdmission.TurnedAway) {
    switch reason {
    case .silent: service.log.note(service.limits.silenceReason, visitor.peer, level: .warning)
    case .surplus: service.log.tooManyIdle(visitor.peer)
    }
  }

  func ended(_ visitor: HandshakeAdmission.Visitor) { registry.remove(visitor.peer.id) }
}

/// The last handler of a listening channel: logs what kept a connection from being accepted. On the listener's loop.
private final class AcceptErrorHandler: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private let log: ConnectionLog

  init(log: ConnectionLog) { self.log = log }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if error is IOError { log.refused("\(error)") }
  }
}
