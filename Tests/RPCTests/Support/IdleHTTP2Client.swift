import NIOCore
import NIOTLS

/// A client of HTTP/2 that says hello, asks for nothing or begins to, and answers pings. To be put behind TLS.
final class IdleHTTP2Client: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// How far it goes.
  enum Stage: CaseIterable, Sendable {
    /// Silent after the handshake.
    case handshake
    case hello
    /// A call whose message never comes.
    case call
  }

  private let stage: Stage
  private let ready: EventLoopPromise<Void>
  private var received = ByteBuffer()

  /// - Parameter ready: fulfilled after the handshake, and once the server has answered the hello.
  init(_ stage: Stage, _ ready: EventLoopPromise<Void>) {
    self.stage = stage
    self.ready = ready
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted = event {
      if stage != .handshake {
        var hello = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        hello.writeBytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
        if stage == .call { hello.writeBytes(Self.request) }
        context.writeAndFlush(wrapOutboundOut(hello), promise: nil)
      } else {
        ready.succeed()
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  /// HEADERS of stream 1, which do not end it (RFC 7541 §6: indexed, and literal without indexing).
  private static let request: [UInt8] = {
    func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
    let block =
      [0x83, 0x87, 0x04] + text("/grpc.health.v1.Health/Check") + [0x01] + text("x") + [0x00] + text("content-type")
      + text("application/grpc") + [0x00] + text("te") + text("trailers")
    return [0, 0, UInt8(block.count), 1, 4, 0, 0, 0, 1] + block
  }()

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    received.writeBuffer(&bytes)
    while let head = received.getBytes(at: received.readerIndex, length: 9) {
      let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
      guard received.readableBytes >= 9 + length, var frame = received.readSlice(length: 9 + length) else { return }
      // SETTINGS; a PING that wants its answer.
      if head[3] == 4 { ready.succeed() }
      if head[3] == 6, head[4] & 1 == 0 {
        frame.setInteger(UInt8(1), at: frame.readerIndex + 4)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
      }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    ready.fail(ChannelError.eof)
    context.fireChannelInactive()
  }
}
