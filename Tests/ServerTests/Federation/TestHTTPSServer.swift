import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A real HTTPS server in this process: answers whatever it is told, with the certificate of the moment.
struct TestHTTPSServer: Sendable {
  enum Answer: Sendable {
    case page(Int, [(String, String)], [UInt8])
    /// A body without end, so that only a bound stops it.
    case endless
    /// Nothing at all.
    case silence
    case hangUp

    static func bundle(_ text: String) -> Answer {
      .page(200, [("Content-Type", "application/json")], Array(text.utf8))
    }
    static func redirection(_ location: String) -> Answer { .page(302, [("Location", location)], []) }
  }

  final class Script: Sendable {
    private struct State {
      var certificate: TestPKI.ServerCertificate
      var answer: @Sendable (String) -> Answer
      var requests: [HTTPRequestHead] = []
    }
    private let state: Mutex<State>

    init(_ certificate: TestPKI.ServerCertificate, _ answer: @escaping @Sendable (String) -> Answer) {
      state = Mutex(State(certificate: certificate, answer: answer))
    }

    var requests: [HTTPRequestHead] { state.withLock(\.requests) }
    var certificate: TestPKI.ServerCertificate { state.withLock(\.certificate) }
    func present(_ certificate: TestPKI.ServerCertificate) { state.withLock { $0.certificate = certificate } }
    func say(_ answer: @escaping @Sendable (String) -> Answer) { state.withLock { $0.answer = answer } }

    fileprivate func answer(_ head: HTTPRequestHead) -> Answer {
      state.withLock {
        $0.requests.append(head)
        return $0.answer
      }(head.uri)
    }
  }

  let script: Script
  let port: Int

  /// Runs `body` while the server listens on a free port of 127.0.0.1.
  static func with<T: Sendable>(
    _ certificate: TestPKI.ServerCertificate, answer: @escaping @Sendable (String) -> Answer,
    _ body: @Sendable (TestHTTPSServer) async throws -> T
  ) async throws -> T {
    let script = Script(certificate, answer)
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let shown = script.certificate
          var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(try NIOSSLCertificate(bytes: shown.certificate, format: .der))],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: shown.key, format: .der)))
          tls.applicationProtocols = ["http/1.1"]
          let pipeline = channel.pipeline.syncOperations
          try pipeline.addHandler(NIOSSLServerHandler(context: try NIOSSLContext(configuration: tls)))
          try pipeline.configureHTTPServerPipeline(withErrorHandling: false)
          try pipeline.addHandler(Handler(script))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let server = TestHTTPSServer(script: script, port: channel.localAddress?.port ?? 0)
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
