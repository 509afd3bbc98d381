import NIOCore
import NIOPosix
import Synchronization

/// A proxy for HTTP: whatever it is asked to connect to, it connects to one port of 127.0.0.1, or says no.
package final class TestProxy: Sendable {
  private let asked = Mutex<[String]>([])
  private let target: Int
  private let answer: String

  /// The heads of the requests to it.
  package var requests: [String] { asked.withLock { $0 } }

  private init(_ target: Int, _ answer: String) {
    self.target = target
    self.answer = answer
  }

  /// Runs `body` while the proxy listens; its second parameter is the port.
  ///
  /// - Parameter answer: what it says to CONNECT; it makes the tunnel if that begins with success.
  package static func with<T: Sendable>(
    to target: Int, answer: String = "HTTP/1.1 200 Connection established\r\n\r\n",
    _ body: @Sendable (TestProxy, Int) async throws -> T
  ) async throws -> T {
    let proxy = TestProxy(target, answer)
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Front(proxy)) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    do {
      let result = try await body(proxy, channel.localAddress?.port ?? 0)
      try await channel.close()
      return result
    } catch {
      try? await channel.close()
      throw error
    }
  }

  /// The client's end: reads the head of a request, then passes everything on.
  private final class Front: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let proxy: TestProxy
    private var head: [UInt8] = []
    private var other: (any Channel)?

    init(_ proxy: TestProxy) { self.proxy = proxy }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      if let other { return other.writeAndFlush(bytes, promise: nil) }
      head += bytes.readableBytesView
      guard head.suffix(4).elementsEqual([13, 10, 13, 10]) else { return }
      let text = String(decoding: head, as: UTF8.self)
      proxy.asked.withLock { $0.append(text) }
      let channel = context.channel
      guard !proxy.answer.isEmpty else { return }
      guard text.hasPrefix("CONNECT "), proxy.answer.hasPrefix("HTTP/1.1 200") else {
        return channel.writeAndFlush(ByteBuffer(string: proxy.answer), promise: nil)
      }
      let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
      let answer = proxy.answer
      ClientBootstrap(group: context.eventLoop)
        .channelInitializer { $0.pipeline.addHandler(Back(channel)) }
        .connect(host: "127.0.0.1", port: proxy.target)
        .whenSuccess { back in
          bound.value.other = back
          channel.writeAndFlush(ByteBuffer(string: answer), promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { other?.close(promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }

  /// The server's end.
  private final class Back: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    private let front: any Channel

    init(_ front: any Channel) { self.front = front }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      front.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) { front.close(promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
