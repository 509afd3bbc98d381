import NIOCore
import NIOTLS

/// The first handler of a TLS connection, and the only one until the ``HandshakeGate`` lets its handshake begin: holds the
/// client's first bytes back, and then has the rest of the pipeline made. Lives on the connection's event loop.
///
/// So a client that stays silent costs next to nothing. It has no place at the gate, and one that stalls in its handshake
/// loses it after a moment, so that nobody can keep the others out; both are ended by the connection's own deadline, and
/// before that when there are too many like them.
final class HandshakeAdmission: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Makes connections of those who are admitted. Called on their event loops.
  protocol Host: AnyObject, Sendable {
    /// Adds the handlers behind `admission`. `since` is when the connection was accepted. What is thrown was logged.
    func begin(_ admission: HandshakeAdmission, on channel: any Channel, since: NIODeadline) throws
    /// Whether the connection keeps the endpoint waiting for its handshake.
    func setIdle(_ visitor: Visitor, _ isIdle: Bool)
    /// The connection is closed because of this before its handshake began.
    func turnedAway(_ visitor: Visitor, _ reason: TurnedAway)
    /// The connection has ended, and ``begin(_:on:since:)`` has not made anything that would tell.
    func ended(_ visitor: Visitor)
  }

  enum TurnedAway {
    /// Nothing came in time.
    case silent
    /// Too many others have come that do not begin either.
    case surplus
  }

  /// Who has connected, and what its calls will be counted with.
  struct Visitor: Sendable {
    let peer: PeerConnection
    let share: CallShare
  }

  /// Tells a connection that keeps the endpoint waiting, before its handshake or after it, to go.
  struct Surplus {}

  private enum Phase {
    case silent
    case waiting(ByteBuffer)
    case running
    /// It has lost its place, and may go on.
    case stalled
    case done
    case closed
  }

  /// How long a handshake keeps its place: longer than most need, whose peer is far away.
  static let patience: TimeAmount = .milliseconds(250)
  /// No client sends more before it has heard of the server; what does is no TLS client.
  static let mostBytes = 64 * 1024

  let visitor: Visitor
  private let gate: HandshakeGate
  private let silenceLimit: TimeAmount
  private let host: any Host
  private var phase = Phase.silent
  private var acceptedAt = NIODeadline.uptimeNanoseconds(0)
  private var mustRead = false
  private var isBuilt = false
  /// Until the handshake begins the end of the client's time; then that of its place at the gate.
  private var timer: Scheduled<Void>?

  private var id: UInt64 { visitor.peer.id }

  init(gate: HandshakeGate, visitor: Visitor, silenceLimit: TimeAmount, host: any Host) {
    self.gate = gate
    self.visitor = visitor
    self.silenceLimit = silenceLimit
    self.host = host
  }

  /// The handler to be put behind TLS, which tells this one that the handshake is over and lets HTTP/2 begin.
  final class End: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let admission: HandshakeAdmission
    private var begin: ((_ negotiated: String?) throws -> Void)?

    init(_ admission: HandshakeAdmission, then begin: @escaping (_ negotiated: String?) throws -> Void) {
      self.admission = admission
      self.begin = begin
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case TLSUserEvent.handshakeCompleted(let negotiated) = event {
        admission.completed()
        let begin = begin
        self.begin = nil
        do { try begin?(negotiated) } catch { return context.fireErrorCaught(error) }
      }
      context.fireUserInboundEventTriggered(event)
    }

    func handlerRemoved(context: ChannelHandlerContext) { begin = nil }
  }

  func handlerAdded(context: ChannelHandlerContext) {
    acceptedAt = context.eventLoop.now
    timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: acceptedAt + silenceLimit) { [self] in
      turnAway(context, .silent)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch phase {
    case .silent:
      phase = .waiting(unwrapInboundIn(data))
      host.setIdle(visitor, false)
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      // In a turn of the loop of its own: other connections have theirs in between.
      gate.enter(id, from: visitor.peer.caller.address?.network ?? "") {
        bound.eventLoop.execute {
          let (handler, context) = bound.value
          handler.begin(context)
        }
      }
    case .waiting(var held):
      var bytes = unwrapInboundIn(data)
      held.writeBuffer(&bytes)
      phase = .waiting(held)
      if held.readableBytes > Self.mostBytes { context.close(promise: nil) }
    case .running, .stalled, .done: context.fireChannelRead(data)
    case .closed: break
    }
  }

  /// While it waits nothing more is read: the bytes stay with the kernel.
  func read(context: ChannelHandlerContext) {
    if case .waiting = phase { mustRead = true } else { context.read() }
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard case .waiting(let held) = phase else { return }
    phase = .running
    timer?.cancel()
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { [self] in stall() }
    do { try host.begin(self, on: context.channel, since: acceptedAt) } catch { return context.close(promise: nil) }
    isBuilt = true
    context.fireChannelRead(wrapInboundOut(held))
    context.fireChannelReadComplete()
    guard mustRead else { return }
    mustRead = false
    context.read()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is Surplus {
      turnAway(context, .surplus)
    } else if !isBuilt, event is ConnectionHandler.Drain {
      // Before the client has begun there is nothing to lose.
      context.close(promise: nil)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  private func turnAway(_ context: ChannelHandlerContext, _ reason: TurnedAway) {
    switch phase {
    case .running, .closed: return
    // It has its turn in the next moment.
    case .waiting where reason == .surplus: return
    case .silent, .waiting, .stalled, .done: break
    }
    // Once made, the connection says itself why it goes.
    if isBuilt { return context.fireUserInboundEventTriggered(Surplus()) }
    host.turnedAway(visitor, reason)
    context.close(promise: nil)
  }

  private func stall() {
    guard case .running = phase else { return }
    phase = .stalled
    gate.leave(id)
    host.setIdle(visitor, true)
  }

  private func completed() {
    switch phase {
    case .running: gate.leave(id)
    case .stalled: host.setIdle(visitor, false)
    case .silent, .waiting, .done, .closed: return
    }
    phase = .done
    stopTimer()
  }

  func channelInactive(context: ChannelHandlerContext) {
    closed()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { closed() }

  private func closed() {
    switch phase {
    case .closed: return
    case .waiting, .running: gate.leave(id)
    case .silent, .stalled, .done: break
    }
    phase = .closed
    stopTimer()
    if !isBuilt { host.ended(visitor) }
  }

  private func stopTimer() {
    timer?.cancel()
    timer = nil
  }
}
