import NIOCore

/// Closes a connection that stays silent, and tells when the other side has spoken.
///
/// It stands behind TLS and before HTTP/2, so the first bytes prove that the handshake is over and that a gRPC peer is
/// there: on the server they free the connection from its deadline, on the client they are the server's SETTINGS.
final class FirstBytesHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  /// The peer said nothing in time.
  struct Silent: Error {}

  private let deadline: TimeAmount
  private var heard: EventLoopPromise<Void>?
  private var timer: Scheduled<Void>?
  private var isSettled = false

  init(deadline: TimeAmount, heard: EventLoopPromise<Void>? = nil) {
    self.deadline = deadline
    self.heard = heard
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: deadline) {
      let (handler, context) = bound.value
      handler.settle(.failure(Silent()))
      context.close(promise: nil)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) { settle(.failure(ChannelError.alreadyClosed)) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    settle(.success(()))
    context.fireChannelRead(data)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    settle(.failure(error))
    context.fireErrorCaught(error)
  }

  func channelInactive(context: ChannelHandlerContext) {
    settle(.failure(ChannelError.eof))
    context.fireChannelInactive()
  }

  private func settle(_ result: Result<Void, any Error>) {
    guard !isSettled else { return }
    isSettled = true
    timer?.cancel()
    timer = nil
    heard?.completeWith(result)
    heard = nil
  }
}
