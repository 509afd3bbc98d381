import FoundationEssentials
import NIOCore
import NIOHTTP1

/// Sends one request when it is added to a connection, gathers the answer, and closes. Lives on the event loop.
final class HTTPExchangeHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let url: WebURL
  private let accept: String
  private let maximumBody: Int
  private let deadline: TimeAmount
  private var promise: EventLoopPromise<HTTPExchange.Answer>?
  private var timer: Scheduled<Void>?
  private var answer: HTTPExchange.Answer?

  init(
    url: WebURL, accept: String, maximumBody: Int, deadline: TimeAmount,
    promise: EventLoopPromise<HTTPExchange.Answer>
  ) {
    self.url = url
    self.accept = accept
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
    head.headers.add(name: "Accept", value: accept)
    if let credential = url.credential {
      // RFC 7617
      let value = Data(credential.utf8).base64EncodedString()
      head.headers.add(name: "Authorization", value: "Basic " + value)
    }
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
      answer = HTTPExchange.Answer(
        status: Int(head.status.code), reason: head.status.reasonPhrase, location: head.headers.first(name: "Location"),
        body: [])
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

  private func finish(_ result: Result<HTTPExchange.Answer, HTTPExchange.Failure>, _ context: ChannelHandlerContext) {
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
