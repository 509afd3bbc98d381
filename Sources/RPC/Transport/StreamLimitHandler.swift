import NIOCore
import NIOTLS

/// Announces how many streams a client may have open, in place of what HTTP/2 would.
///
/// NIOHTTP2 ends the whole connection of a client that opens one stream too many. It is told a limit that nobody reaches;
/// this handler, which stands before it, writes ours into the first SETTINGS on their way out and leaves the pipeline.
/// ``ConnectionHandler`` refuses stream by stream (RFC 9113 §5.1.2). How many depends on who calls: over TLS, what HTTP/2
/// writes waits until the handshake has told, without which nothing could be sent anyway.
final class StreamLimitHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny
  typealias OutboundIn = IOData
  typealias OutboundOut = IOData

  private static let maximumConcurrentStreams: UInt16 = 3
  private let limit: () -> Int
  private var isWaiting: Bool
  private var held: [(data: NIOAny, promise: EventLoopPromise<Void>?)] = []

  init(afterHandshake: Bool, limit: @escaping () -> Int) {
    self.limit = limit
    isWaiting = afterHandshake
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isWaiting else { return held.append((data, promise)) }
    begin(context, data, promise)
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  func flush(context: ChannelHandlerContext) {
    if !isWaiting { context.flush() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if isWaiting, case .handshakeCompleted? = event as? TLSUserEvent {
      isWaiting = false
      for (index, (data, promise)) in held.enumerated() {
        if index == 0 { begin(context, data, promise) } else { context.write(data, promise: promise) }
      }
      let hasBegun = !held.isEmpty
      held = []
      context.flush()
      context.fireUserInboundEventTriggered(event)
      if hasBegun { context.pipeline.syncOperations.removeHandler(context: context, promise: nil) }
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  /// The handshake did not come to its end.
  func handlerRemoved(context: ChannelHandlerContext) {
    for (_, promise) in held { promise?.fail(ChannelError.ioOnClosedChannel) }
    held = []
  }

  private func begin(_ context: ChannelHandlerContext, _ data: NIOAny, _ promise: EventLoopPromise<Void>?) {
    if case .byteBuffer(var bytes) = unwrapOutboundIn(data) {
      Self.announce(UInt32(clamping: limit()), in: &bytes)
      context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: promise)
    } else {
      context.write(data, promise: promise)
    }
  }

  /// Sets the limit in a SETTINGS frame; other frames stay as they are.
  static func announce(_ limit: UInt32, in frame: inout ByteBuffer) {
    let start = frame.readerIndex
    guard let head = frame.getInteger(at: start, as: UInt32.self), head & 0xFF == 4 else { return }
    var index = start + 9
    while index < start + 9 + Int(head >> 8), let setting = frame.getInteger(at: index, as: UInt16.self) {
      if setting == maximumConcurrentStreams { frame.setInteger(limit, at: index + 2) }
      index += 6
    }
  }
}
