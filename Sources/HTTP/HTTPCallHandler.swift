import NIOCore
import NIOHTTP1

/// Sends one request when it is added to a connection and gathers the answer. Lives on the event loop.
final class HTTPCallHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private let request: HTTPRequest
  private let limits: HTTPClient.Limits
  private let call: HTTPCall
  private var timer: Scheduled<Void>?
  private var answer: HTTPAnswer?

  init(_ request: HTTPRequest, _ limits: HTTPClient.Limits, _ call: HTTPCall) {
    self.request = request
    self.limits = limits
    self.call = call
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let call = call
    timer = context.eventLoop.scheduleTask(in: TimeAmount(limits.answer)) {
      call.finish(.failure(HTTPFailure.timeout))
    }
    context.write(wrapOutboundOut(.head(HTTPRequestHead(request))), promise: nil)
    if let body = request.body, !body.isEmpty {
      context.write(wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(bytes: body)))), promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      let announced = head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
      // The length in the answer to HEAD is that of a body which does not come.
      if request.method != .head, announced > limits.maximumBody {
        return finish(.failure(.tooLarge(limits.maximumBody)))
      }
      answer = HTTPAnswer(head)
    case .body(let bytes):
      guard (answer?.body.count ?? 0) + bytes.readableBytes <= limits.maximumBody else {
        return finish(.failure(.tooLarge(limits.maximumBody)))
      }
      answer?.body.append(contentsOf: bytes.readableBytesView)
    case .end:
      guard let answer else { return finish(.failure(.protocol("malformed HTTP response"))) }
      finish(.success(answer))
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    timer?.cancel()
    call.finish(.failure(error))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish(.failure(.protocol("EOF")))
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { finish(.failure(.protocol("EOF"))) }

  private func finish(_ result: Result<HTTPAnswer, HTTPFailure>) {
    timer?.cancel()
    call.finish(result.mapError { $0 })
  }
}

extension HTTPRequestHead {
  init(_ request: HTTPRequest) {
    self.init(
      version: .http1_1, method: HTTPMethod(rawValue: request.method.rawValue), uri: request.requestTarget,
      headers: HTTPHeaders(request.allHeaders))
  }
}

extension HTTPAnswer {
  /// An answer whose body is yet to come.
  init(_ head: HTTPResponseHead) {
    self.init(
      status: Int(head.status.code), reason: head.status.reasonPhrase,
      headers: head.headers.map { HTTPField($0.name, $0.value) })
  }
}

/// Ends a connection that brings more bytes than any answer within the limit can have, in whatever form: endless headers,
/// chunks of one byte. Lives on the event loop, below HTTP.
final class HTTPByteLimit: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  /// What the status line and the headers may have.
  private static let heads = 256 << 10

  private let maximumBody: Int
  private var rest: Int?

  init(maximumBody: Int) {
    self.maximumBody = maximumBody
    rest = 2 * maximumBody + Self.heads
  }

  /// From now on any number of bytes may come: whoever reads them bounds them.
  func lift() { rest = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if let left = rest.map({ $0 - unwrapInboundIn(data).readableBytes }) {
      rest = left
      guard left >= 0 else {
        context.fireErrorCaught(HTTPFailure.tooLarge(maximumBody))
        return
      }
    }
    context.fireChannelRead(data)
  }
}
