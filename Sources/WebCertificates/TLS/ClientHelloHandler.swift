package import NIOCore
package import NIOSSL
import RPC

/// Waits for the first bytes of a connection, then puts TLS in its own place, with the certificate that suits whom the
/// client wants to reach. Whoever adds it bounds the time. Lives on the event loop.
package final class ClientHelloHandler: ChannelInboundHandler, RemovableChannelHandler {
  package typealias InboundIn = ByteBuffer
  package typealias InboundOut = ByteBuffer

  /// What a client gets; nil refuses it.
  package typealias Choice = @Sendable (ClientHello) throws -> TLSConfiguration?

  private let choose: Choice
  private var buffer = ByteBuffer()

  package init(_ choose: @escaping Choice) { self.choose = choose }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    buffer.writeBuffer(&bytes)
    switch ClientHello.read(Array(buffer.readableBytesView)) {
    case .incomplete: break
    case .unusable: context.close(promise: nil)
    case .hello(let hello):
      do {
        guard let configuration = try choose(hello) else { return context.close(promise: nil) }
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandler(try WebTLS.serverHandler(configuration), position: .after(self))
        context.fireChannelRead(wrapInboundOut(buffer))
        buffer = ByteBuffer()
        pipeline.removeHandler(context: context, promise: nil)
      } catch {
        context.close(promise: nil)
      }
    }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
