import NIOCore

/// Stands before HTTP/2 on an accepted connection: ends it when the client does not begin in time or floods it, and drops
/// what comes after the end. Lives on the connection's event loop.
final class FrameMeterHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  /// Events for ``ConnectionHandler``, which stands behind HTTP/2.
  enum Event {
    case silent
    case flood(FrameMeter.Flood)
  }

  private var meter: FrameMeter
  private let silenceLimit: TimeAmount
  private let acceptedAt: NIODeadline?
  private var timer: Scheduled<Void>?
  private var isDiscarding = false

  /// - Parameters:
  ///   - silenceLimit: how long the client may take to begin.
  ///   - acceptedAt: since when; `nil` is now.
  init(limits: FrameMeter.Limits, silenceLimit: TimeAmount, since acceptedAt: NIODeadline? = nil) {
    meter = FrameMeter(limits)
    self.silenceLimit = silenceLimit
    self.acceptedAt = acceptedAt
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let end = (acceptedAt ?? context.eventLoop.now) + silenceLimit
    timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: end) { [self] in
      guard !meter.hasBegun else { return }
      context.fireUserInboundEventTriggered(Event.silent)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDiscarding else { return }
    let hadBegun = meter.hasBegun
    let bytes = unwrapInboundIn(data)
    let flood = bytes.withUnsafeReadableBytes { meter.read($0, at: context.eventLoop.now) }
    if !hadBegun && meter.hasBegun { stopTimer() }
    if let flood {
      context.fireUserInboundEventTriggered(Event.flood(flood))
    } else {
      context.fireChannelRead(data)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    stopTimer()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { stopTimer() }

  private func stopTimer() {
    timer?.cancel()
    timer = nil
  }

  /// From now on nothing that comes is looked at.
  func discard() { isDiscarding = true }

  /// Whether the client has begun to speak HTTP/2.
  var hasBegun: Bool { meter.hasBegun }
  var saidGoodbye: Bool { meter.saidGoodbye }

  func answered() { meter.answered() }

  func streamError(at now: NIODeadline) -> FrameMeter.Flood? { meter.streamError(at: now) }
}
