import NIOCore
import NIOHTTP1
import NIOPosix

/// The body of an answer that comes bit by bit, for as long as the server likes. One reader, who is not sent more than it
/// takes.
package struct HTTPBody {
  private var parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator
  private let refusal: ServerTrust.Refusal

  fileprivate init(
    _ parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator, _ refusal: ServerTrust.Refusal
  ) {
    self.parts = parts
    self.refusal = refusal
  }

  /// What came next, never empty; nil at the end of the body.
  package mutating func next() async throws(HTTPFailure) -> [UInt8]? {
    while true {
      switch try await part() {
      case .body(let bytes) where bytes.readableBytes > 0: return Array(bytes.readableBytesView)
      case .body, .head: continue
      case .end, nil: return nil
      }
    }
  }

  /// The rest of the body, which must not have more than `limit` bytes.
  package mutating func rest(upTo limit: Int) async throws(HTTPFailure) -> [UInt8] {
    var all: [UInt8] = []
    while let chunk = try await next() {
      guard all.count + chunk.count <= limit else { throw .tooLarge(limit) }
      all += chunk
    }
    return all
  }

  fileprivate mutating func head() async throws(HTTPFailure) -> HTTPAnswer {
    guard case .head(let head)? = try await part() else { throw .protocol("EOF") }
    return HTTPAnswer(head)
  }

  private mutating func part() async throws(HTTPFailure) -> HTTPClientResponsePart? {
    do {
      let part = try await parts.next()
      if part == nil, Task.isCancelled { throw HTTPFailure.cancelled }
      return part
    } catch is CancellationError {
      throw .cancelled
    } catch {
      throw HTTPFailure(exchanging: error, refusal)
    }
  }
}

extension HTTPClient {
  /// Sends `request` and gives `body` the head of the answer, and its body while it comes. The connection is closed when
  /// `body` returns or throws, and when the caller is cancelled.
  ///
  /// The limits of the client hold until the head is there; from then on `body` says how much it takes.
  ///
  /// - Parameter idle: how long the server may send nothing.
  package func stream<T: Sendable>(
    _ request: HTTPRequest, over route: HTTPRoute, idle: Duration,
    _ body: @escaping @Sendable (HTTPAnswer, inout HTTPBody) async throws -> T
  ) async throws -> T {
    let security = try Self.security(for: request, over: route)
    let request = try proxied(request, over: route)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let refusal = ServerTrust.Refusal()
    let dialled = dial(request, route, loop)
    let connection: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>
    do {
      connection = try await dialled.channel.flatMapThrowing { channel in
        let limit = try addLayers(channel, request, security, refusal)
        try channel.pipeline.syncOperations.addHandler(HTTPStreamGuard(limit, head: limits.answer, idle: idle))
        return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
      }.get()
    } catch {
      throw HTTPFailure(dialling: error, dialled.network, dialled.address)
    }
    return try await Self.exchange(connection, request, refusal, body)
  }

  private static func exchange<T: Sendable>(
    _ connection: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>, _ request: HTTPRequest,
    _ refusal: ServerTrust.Refusal, _ body: @escaping @Sendable (HTTPAnswer, inout HTTPBody) async throws -> T
  ) async throws -> T {
    try await connection.executeThenClose { inbound, outbound in
      do {
        try await outbound.write(.head(HTTPRequestHead(request)))
        if let bytes = request.body, !bytes.isEmpty {
          try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: bytes))))
        }
        try await outbound.write(.end(nil))
      } catch {
        // The reason, if there is one, comes with what is read.
      }
      var parts = HTTPBody(inbound.makeAsyncIterator(), refusal)
      let answer = try await parts.head()
      return try await body(answer, &parts)
    }
  }
}

/// Ends a stream whose head does not come in time or whose body pauses for too long. Lives on the event loop, above HTTP.
private final class HTTPStreamGuard: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias InboundOut = HTTPClientResponsePart

  private let limit: HTTPByteLimit
  private let head: Duration
  private let idle: Duration
  private var timer: Scheduled<Void>?

  init(_ limit: HTTPByteLimit, head: Duration, idle: Duration) {
    self.limit = limit
    self.head = head
    self.idle = idle
  }

  func handlerAdded(context: ChannelHandlerContext) { wait(head, context) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .head = unwrapInboundIn(data) { limit.lift() }
    wait(idle, context)
    context.fireChannelRead(data)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    timer?.cancel()
    context.fireErrorCaught(error)
    context.close(promise: nil)
  }

  func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

  private func wait(_ duration: Duration, _ context: ChannelHandlerContext) {
    timer?.cancel()
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: TimeAmount(duration)) {
      bound.value.fireErrorCaught(HTTPFailure.timeout)
      bound.value.close(promise: nil)
    }
  }
}
