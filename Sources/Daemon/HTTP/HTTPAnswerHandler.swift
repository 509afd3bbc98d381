import NIOCore
import NIOHTTP1

/// Answers the requests of one connection. Lives on its event loop.
///
/// A request that the pipeline hands over while the answer to the one before is being written has its turn afterwards:
/// requests sent one behind the other must not nest, each on the stack of the one before.
///
/// While the client does not read, nothing is read from it, and the answer to a request that was read before waits: there
/// is one, as the pipeline hands over one request at a time. The patience with the client goes on.
final class HTTPAnswerHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// A request must be complete within this time; between requests a connection may wait as long again.
  static let patience = TimeAmount.seconds(10)

  private let answer: HTTPListener.Answer
  private var task: Task<Void, Never>?
  private var head: HTTPRequestHead?
  private var timer: Scheduled<Void>?
  /// An answer that waits for the client to read.
  private var waiting: (response: HTTPListener.Response, head: HTTPRequestHead)?
  private var isReadDue = false
  private var next: (request: HTTPListener.Request, head: HTTPRequestHead)?
  private var isAnswering = false

  init(answer: HTTPListener.Answer) { self.answer = answer }

  func handlerAdded(context: ChannelHandlerContext) { startTimer(context) }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    task?.cancel()
  }

  private func startTimer(_ context: ChannelHandlerContext) {
    timer?.cancel()
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: Self.patience) { bound.value.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): self.head = head
    case .body: break
    case .end:
      guard let head else { return }
      self.head = nil
      let peer = context.remoteAddress.flatMap { address in address.ipAddress.map { ($0, address.port ?? 0) } }
      let request = HTTPListener.Request(
        method: head.method.rawValue, path: String(head.uri.prefix { $0 != "?" }), target: head.uri,
        headers: head.headers.map { ($0.name, $0.value) },
        peer: peer.map { $0.contains(":") ? "[\($0)]:\($1)" : "\($0):\($1)" } ?? "@")
      startTimer(context)
      next = (request, head)
      answering(context) {}
    }
  }

  /// Runs `body`, then answers what came meanwhile.
  private func answering(_ context: ChannelHandlerContext, _ body: () -> Void) {
    let isNested = isAnswering
    isAnswering = true
    body()
    guard !isNested else { return }
    while let (request, head) = next {
      next = nil
      respond(request, head, context)
    }
    isAnswering = false
  }

  private func respond(_ request: HTTPListener.Request, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    switch answer {
    case .now(let answer): write(answer(request), head, context)
    case .later(let answer):
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      let loop = context.eventLoop
      task = Task {
        let response = await answer(request)
        if Task.isCancelled { return }
        loop.execute {
          let (handler, context) = bound.value
          handler.task = nil
          guard context.channel.isActive else { return }
          handler.answering(context) { handler.write(response, head, context) }
        }
      }
    }
  }

  func read(context: ChannelHandlerContext) {
    if context.channel.isWritable { context.read() } else { isReadDue = true }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, let (response, head) = waiting {
      waiting = nil
      answering(context) { write(response, head, context) }
    }
    if context.channel.isWritable, isReadDue {
      isReadDue = false
      context.read()
    }
    context.fireChannelWritabilityChanged()
  }

  private func write(
    _ response: HTTPListener.Response, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
  ) {
    guard context.channel.isWritable else {
      waiting = (response, head)
      return
    }
    var headers = HTTPHeaders()
    if !response.contentType.isEmpty { headers.add(name: "Content-Type", value: response.contentType) }
    for (name, value) in response.headers { headers.add(name: name, value: value) }
    // RFC 9110 §15.4.5: "not modified" says nothing about the page.
    let hasBody = response.status != 304
    if hasBody { headers.add(name: "Content-Length", value: "\(response.body.utf8.count)") }
    let responseHead = HTTPResponseHead(
      version: .http1_1, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
    context.write(wrapOutboundOut(.head(responseHead)), promise: nil)
    if hasBody, head.method != .HEAD {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: response.body)))), promise: nil)
    }
    let isKept = head.isKeepAlive
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      if !isKept { bound.value.close(promise: nil) }
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
