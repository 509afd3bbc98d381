import NIOCore
import NIOTLS

/// The first handler of a TLS connection: holds the client's first bytes back until the ``HandshakeGate`` lets the
/// handshake begin. Lives on the connection's event loop.
///
/// A client that stays silent has no place at the gate, and one that stalls in its handshake loses it after a moment, so
/// that nobody can keep the others out; both are ended by the connection's own deadline.
final class HandshakeAdmission: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Phase {
    case silent
    case waiting(ByteBuffer)
    case running
    case done
  }

  /// How long a handshake keeps its place: longer than most need, whose peer is far away.
  static let patience: TimeAmount = .milliseconds(250)
  /// No client sends more before it has heard of the server; what does is no TLS client.
  static let mostBytes = 64 * 1024

  private let gate: HandshakeGate
  private let id: UInt64
  private let source: String
  private var phase = Phase.silent
  private var mustRead = false
  private var stall: Scheduled<Void>?

  init(gate: HandshakeGate, id: UInt64, source: String) {
    self.gate = gate
    self.id = id
    self.source = source
  }

  /// The handler to be put behind TLS, which tells this one that the handshake is over.
  final class End: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let admission: HandshakeAdmission

    init(_ admission: HandshakeAdmission) { self.admission = admission }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case TLSUserEvent.handshakeCompleted = event { admission.leave() }
      context.fireUserInboundEventTriggered(event)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch phase {
    case .silent:
      phase = .waiting(unwrapInboundIn(data))
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      // In a turn of the loop of its own: other connections have theirs in between.
      gate.enter(id, from: source) {
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
    case .running, .done: context.fireChannelRead(data)
    }
  }

  /// While it waits nothing more is read: the bytes stay with the kernel.
  func read(context: ChannelHandlerContext) {
    if case .waiting = phase { mustRead = true } else { context.read() }
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard case .waiting(let held) = phase else { return }
    phase = .running
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    stall = context.eventLoop.scheduleTask(in: Self.patience) { bound.value.leave() }
    context.fireChannelRead(wrapInboundOut(held))
    context.fireChannelReadComplete()
    guard mustRead else { return }
    mustRead = false
    context.read()
  }

  func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { leave() }

  private func leave() {
    stall?.cancel()
    stall = nil
    if case .silent = phase {} else if case .done = phase {} else { gate.leave(id) }
    phase = .done
  }
}
