import NIOCore
import NIOHTTP1

/// Sends one request when it is added to a connection, gathers the answer, and closes. Lives on the event loop.
final class HTTPSExchangeHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let url: EndpointURL
  private let maximumBody: Int
  private let deadline: TimeAmount
  private var promise: EventLoopPromise<HTTPSExchange.Answer>?
  private var timer: Scheduled<Void>?
  private var answer: HTTPSExchange.Answer?

  init(
    url: EndpointURL, maximumBody: Int, deadline: TimeAmount, promise: EventLoopPromise<HTTPSExchange.Answer>
  ) {
    self.url = url
    self.maximumBody = maximumBody
    self.deadline = deadline
    self.promise = promise
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: deadline) {
      let (handler, context) = bound.value
      handler.finish(.failure(.timeout), context)
    }
    var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target)
    head.headers.add(name: "Host", value: url.authority)
    head.headers.add(name: "User-Agent", value: "swift-spire")
    head.headers.add(name: "Accept", value: "application/json")
    head.headers.add(name: "Connection", value: "close")
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      if let length = head.headers.first(name: "Content-Length").flatMap({ Int($0) }), length > maximumBody {
        return finish(.failure(.tooLarge(maximumBody)), context)
      }
      answer = HTTPSExchange.Answer(
        status: Int(head.status.code), location: head.headers.first(name: "Location"), body: [])
    case .body(let bytes):
      guard (answer?.body.count ?? 0) + bytes.readableBytes <= maximumBody else {
        return finish(.failure(.tooLarge(maximumBody)), context)
      }
      answer?.body.append(contentsOf: bytes.readableBytesView)
    case .end:
      guard let answer else { return finish(.failure(.protocol("malformed HTTP response")), context) }
      finish(.success(answer), context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let promise else { return }
    self.promise = nil
    timer?.cancel()
    promise.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish(.failure(.protocol("EOF")), context)
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { finish(.failure(.protocol("EOF")), context) }

  private func finish(_ result: Result<HTTPSExchange.Answer, HTTPSExchange.Failure>, _ context: ChannelHandlerContext) {
    guard let promise else { return }
    self.promise = nil
    timer?.cancel()
    switch result {
    case .success(let answer): promise.succeed(answer)
    case .failure(let failure): promise.fail(failure)
    }
    context.close(promise: nil)
  }
}
