import NIOCore
import NIOTLS

/// A client of HTTP/2 that says hello, asks for nothing, and answers pings. To be put behind TLS.
final class IdleHTTP2Client: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let begins: Bool
  private let ready: EventLoopPromise<Void>
  private var received = ByteBuffer()

  /// - Parameters:
  ///   - begins: whether it says hello, or stays silent after the handshake.
  ///   - ready: fulfilled after the handshake, and once the server has answered the hello.
  init(begins: Bool, _ ready: EventLoopPromise<Void>) {
    self.begins = begins
    self.ready = ready
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted = event {
      if begins {
        var hello = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        hello.writeBytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
        context.writeAndFlush(wrapOutboundOut(hello), promise: nil)
      } else {
        ready.succeed()
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

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
