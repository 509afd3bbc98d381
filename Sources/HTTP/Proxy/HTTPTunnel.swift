import Daemon
import FoundationEssentials
import NIOCore

/// Asks a proxy for a way to a server (CONNECT, RFC 9110 §9.3.6) and then gets out of the way: what follows on the
/// connection is between the two ends. Lives on the event loop, below TLS; used once.
final class HTTPTunnel: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// What the head of the proxy's answer may have. In bytes.
  private static let limit = 16 << 10

  private let request: String
  private let proxy: String
  private let promise: EventLoopPromise<Void>
  private let patience: TimeAmount
  private var timer: Scheduled<Void>?
  private var head: [UInt8] = []
  private var isOpen = false

  private init(_ url: WebURL, _ proxy: WebURL, _ patience: TimeAmount, _ promise: EventLoopPromise<Void>) {
    var lines = ["CONNECT \(url.hostAndPort) HTTP/1.1", "Host: \(url.hostAndPort)", "User-Agent: swift-spire"]
    if let value = proxy.proxyAuthorization { lines.append("Proxy-Authorization: \(value)") }
    request = lines.map { $0 + "\r\n" }.joined() + "\r\n"
    self.proxy = proxy.hostAndPort
    self.patience = patience
    self.promise = promise
  }

  /// The same connection, once it leads to the server of `url`.
  static func open(
    _ channel: any Channel, to url: WebURL, through proxy: WebURL, within patience: TimeAmount
  ) -> EventLoopFuture<any Channel> {
    let promise = channel.eventLoop.makePromise(of: Void.self)
    do {
      try channel.pipeline.syncOperations.addHandler(HTTPTunnel(url, proxy, patience, promise))
    } catch {
      promise.fail(error)
    }
    promise.futureResult.whenFailure { _ in channel.close(promise: nil) }
    return promise.futureResult.map { channel }
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: patience) {
      let (tunnel, context) = bound.value
      tunnel.fail(HTTPFailure.timeout, context)
    }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // Nothing may come before this side has spoken.
    guard !isOpen else { return fail(failure("speaks out of turn"), context) }
    head += unwrapInboundIn(data).readableBytesView
    guard head.count <= Self.limit else {
      return fail(failure("answers CONNECT with a head that does not end"), context)
    }
    guard head.count >= 4, let end = (0...(head.count - 4)).first(where: { head[$0..<$0 + 4] == [13, 10, 13, 10] })
    else { return }
    let line = String(decoding: head.prefix { $0 != 13 }, as: UTF8.self)
    let words = line.split(separator: " ", maxSplits: 2)
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3, let status = Int(words[1]) else {
      return fail(failure("does not answer in HTTP"), context)
    }
    guard (200...299).contains(status) else {
      return fail(failure("answers CONNECT with \(GoText.quote(String(line.prefix(100))))"), context)
    }
    guard end + 4 == head.count else { return fail(failure("speaks out of turn"), context) }
    isOpen = true
    timer?.cancel()
    let promise = promise
    context.pipeline.syncOperations.removeHandler(self).whenComplete { promise.completeWith($0) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

  func channelInactive(context: ChannelHandlerContext) {
    fail(failure("ends the connection"), context)
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    if !isOpen { promise.fail(failure("ends the connection")) }
  }

  private func failure(_ what: String) -> HTTPFailure { .unreachable("the proxy \(proxy) \(what)") }

  private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
    timer?.cancel()
    promise.fail(error)
    context.close(promise: nil)
  }
}

extension WebURL {
  /// What a proxy of this URL is shown (RFC 7617); a secret.
  var proxyAuthorization: String? {
    credential.map { "Basic " + Data($0.utf8).base64EncodedString() }
  }
}
