import NIOCore
import NIOTLS

/// Announces how many streams a client may have open, in place of what HTTP/2 would.
///
/// NIOHTTP2 ends the whole connection of a client that opens one stream too many. It is told a limit that nobody reaches;
/// this handler, which stands before it, writes ours into the first SETTINGS on their way out and leaves the pipeline.
/// ``ConnectionHandler`` refuses stream by stream (RFC 9113 §5.1.2). How many depends on who calls: over TLS, HTTP/2 begins
/// when the handshake has told.
final class StreamLimitHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny
  typealias OutboundIn = IOData
  typealias OutboundOut = IOData

  private static let maximumConcurrentStreams: UInt16 = 3
  private let limit: () -> Int

  init(limit: @escaping () -> Int) { self.limit = limit }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    begin(context, data, promise)
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
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
