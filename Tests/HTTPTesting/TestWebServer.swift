import NIOCore
package import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A real web server in this process: answers whatever it is told, with the certificate of the moment or, on a Unix socket,
/// without one.
package struct TestWebServer: Sendable {
  /// What a TLS server shows, and its key; DER.
  package struct Certificate: Sendable {
    package let certificate: [UInt8]
    package let key: [UInt8]

    package init(certificate: [UInt8], key: [UInt8]) {
      self.certificate = certificate
      self.key = key
    }
  }

  package enum Answer: Sendable {
    case page(Int, [(String, String)], [UInt8])
    /// A body without end, so that only a bound stops it.
    case endless
    /// Nothing at all.
    case silence
    case hangUp

    package static func bundle(_ text: String) -> Answer {
      .page(200, [("Content-Type", "application/json")], Array(text.utf8))
    }
    package static func redirection(_ location: String) -> Answer { .page(302, [("Location", location)], []) }
  }

  package final class Script: Sendable {
    private struct State {
      var certificate: Certificate?
      var answer: @Sendable (String) -> Answer
      var requests: [HTTPRequestHead] = []
    }
    private let state: Mutex<State>

    fileprivate init(_ certificate: Certificate?, _ answer: @escaping @Sendable (String) -> Answer) {
      state = Mutex(State(certificate: certificate, answer: answer))
    }

    package var requests: [HTTPRequestHead] { state.withLock(\.requests) }
    fileprivate var certificate: Certificate? { state.withLock(\.certificate) }
    package func present(_ certificate: Certificate) { state.withLock { $0.certificate = certificate } }
    package func say(_ answer: @escaping @Sendable (String) -> Answer) { state.withLock { $0.answer = answer } }

    fileprivate func answer(_ head: HTTPRequestHead) -> Answer {
      state.withLock {
        $0.requests.append(head)
        return $0.answer
      }(head.uri)
    }
  }

  package let script: Script
  /// 0 on a Unix socket.
  package let port: Int

  /// Runs `body` while the server listens on a free port of 127.0.0.1 or, without a certificate, on `socket`.
  package static func with<T: Sendable>(
    _ certificate: Certificate?, socket: String = "", answer: @escaping @Sendable (String) -> Answer,
    _ body: @Sendable (TestWebServer) async throws -> T
  ) async throws -> T {
    let script = Script(certificate, answer)
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let shown = script.certificate {
            var tls = TLSConfiguration.makeServerConfiguration(
              certificateChain: [.certificate(try NIOSSLCertificate(bytes: shown.certificate, format: .der))],
              privateKey: .privateKey(try NIOSSLPrivateKey(bytes: shown.key, format: .der)))
            tls.applicationProtocols = ["http/1.1"]
            try pipeline.addHandler(NIOSSLServerHandler(context: try NIOSSLContext(configuration: tls)))
          }
          try pipeline.configureHTTPServerPipeline(withErrorHandling: false)
          try pipeline.addHandler(Handler(script))
        }
      }
    let channel = try await
      (certificate == nil ? bootstrap.bind(unixDomainSocketPath: socket) : bootstrap.bind(host: "127.0.0.1", port: 0))
      .get()
    let server = TestWebServer(script: script, port: channel.localAddress?.port ?? 0)
    do {
      let result = try await body(server)
      try await channel.close()
      return result
    } catch {
      try? await channel.close()
      throw error
    }
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let script: Script

    init(_ script: Script) { self.script = script }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard case .head(let head) = unwrapInboundIn(data) else { return }
      switch script.answer(head) {
      case .page(let status, let headers, let body):
        write(status, headers + [("Content-Length", "\(body.count)")], context)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      case .endless:
        write(200, [("Transfer-Encoding", "chunked")], context)
        more(context)
      case .silence: break
      case .hangUp: context.close(promise: nil)
      }
    }

    private func write(_ status: Int, _ headers: [(String, String)], _ context: ChannelHandlerContext) {
      let head = HTTPResponseHead(
        version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: HTTPHeaders(headers))
      context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func more(_ context: ChannelHandlerContext) {
      guard context.channel.isActive else { return }
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      let chunk = ByteBuffer(repeating: UInt8(ascii: " "), count: 1 << 18)
      context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(chunk)))).whenSuccess {
        // A write that the socket takes at once completes in here: the next one must not stand on this one's stack.
        bound.eventLoop.execute {
          let (handler, context) = bound.value
          handler.more(context)
        }
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
