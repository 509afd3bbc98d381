import NIOCore
package import NIOHTTP1
import NIOPosix
package import NIOSSL
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
    /// A byte of the body now and then, for ever.
    case trickle
    /// Nothing at all.
    case silence
    case hangUp
    /// A head, and then what the feed brings, for as long as it goes on.
    case feed(Feed)
    /// Another answer, when the gate opens.
    indirect case held(Gate, Answer)

    package static func bundle(_ text: String) -> Answer {
      .page(200, [("Content-Type", "application/json")], Array(text.utf8))
    }
    package static func redirection(_ location: String) -> Answer { .page(302, [("Location", location)], []) }
  }

  /// A whole request, as it came in.
  package struct Request: Sendable {
    package var head: HTTPRequestHead
    package var body: [UInt8]
    /// What the client presented, DER; nil when it presented nothing.
    package var clientCertificate: [UInt8]?
  }

  package final class Script: Sendable {
    private struct State {
      var certificate: Certificate?
      var answer: @Sendable (Request) -> Answer
      var requests: [Request] = []
    }
    private let state: Mutex<State>
    fileprivate let clientAuthority: [UInt8]?

    fileprivate init(
      _ certificate: Certificate?, _ clientAuthority: [UInt8]?, _ answer: @escaping @Sendable (Request) -> Answer
    ) {
      self.clientAuthority = clientAuthority
      state = Mutex(State(certificate: certificate, answer: answer))
    }

    package var requests: [HTTPRequestHead] { received.map(\.head) }
    package var received: [Request] { state.withLock(\.requests) }
    fileprivate var certificate: Certificate? { state.withLock(\.certificate) }
    package func present(_ certificate: Certificate) { state.withLock { $0.certificate = certificate } }
    package func say(_ answer: @escaping @Sendable (String) -> Answer) { reply { answer($0.head.uri) } }
    package func reply(_ answer: @escaping @Sendable (Request) -> Answer) { state.withLock { $0.answer = answer } }

    fileprivate func answer(_ request: Request) -> Answer {
      state.withLock {
        $0.requests.append(request)
        return $0.answer
      }(request)
    }

    fileprivate func tls(_ shown: Certificate, _ curves: [NIOTLSCurve]?) throws -> NIOSSLServerHandler {
      var tls = TLSConfiguration.makeServerConfiguration(
        certificateChain: [.certificate(try NIOSSLCertificate(bytes: shown.certificate, format: .der))],
        privateKey: .privateKey(try NIOSSLPrivateKey(bytes: shown.key, format: .der)))
      tls.applicationProtocols = ["http/1.1"]
      tls.curves = curves
      if let clientAuthority {
        // As Vault: who shows a certificate must prove it, and nobody has to.
        tls.certificateVerification = .optionalVerification
        tls.trustRoots = .certificates([try NIOSSLCertificate(bytes: clientAuthority, format: .der)])
      }
      return NIOSSLServerHandler(context: try NIOSSLContext(configuration: tls))
    }
  }

  package let script: Script
  /// 0 on a Unix socket.
  package let port: Int

  /// Runs `body` while the server listens on a free port of 127.0.0.1 or, without a certificate, on `socket`.
  ///
  /// - Parameter curves: the only key exchanges that it takes.
  package static func with<T: Sendable>(
    _ certificate: Certificate?, socket: String = "", curves: [NIOTLSCurve]? = nil,
    answer: @escaping @Sendable (String) -> Answer, _ body: @Sendable (TestWebServer) async throws -> T
  ) async throws -> T {
    try await with(certificate, socket: socket, curves: curves, reply: { answer($0.head.uri) }, body)
  }

  /// The same, for an answer that depends on more than the URL; without certificate and socket on a port in the clear.
  ///
  /// - Parameter clientAuthority: DER. Clients are asked for a certificate of it.
  package static func with<T: Sendable>(
    _ certificate: Certificate?, socket: String = "", clientAuthority: [UInt8]? = nil, curves: [NIOTLSCurve]? = nil,
    reply: @escaping @Sendable (Request) -> Answer, _ body: @Sendable (TestWebServer) async throws -> T
  ) async throws -> T {
    let script = Script(certificate, clientAuthority, reply)
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let shown = script.certificate { try pipeline.addHandler(script.tls(shown, curves)) }
          try pipeline.configureHTTPServerPipeline(withErrorHandling: false)
          try pipeline.addHandler(Handler(script))
        }
      }
    let channel = try await
      (socket.isEmpty ? bootstrap.bind(host: "127.0.0.1", port: 0) : bootstrap.bind(unixDomainSocketPath: socket))
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
    private var request: Request?

    init(_ script: Script) { self.script = script }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): request = Request(head: head, body: [], clientCertificate: presented(context))
      case .body(let bytes): request?.body += bytes.readableBytesView
      case .end:
        guard let request else { return }
        give(script.answer(request), context)
      }
    }

    private func presented(_ context: ChannelHandlerContext) -> [UInt8]? {
      guard script.certificate != nil else { return nil }
      return try? context.pipeline.syncOperations.nioSSL_peerCertificate()?.toDERBytes()
    }

    private func give(_ answer: Answer, _ context: ChannelHandlerContext) {
      guard context.channel.isActive else { return }
      switch answer {
      case .page(let status, let headers, let body):
        write(status, headers + [("Content-Length", "\(body.count)")], context)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      case .endless:
        write(200, [("Transfer-Encoding", "chunked")], context)
        more(context)
      case .trickle:
        write(200, [("Transfer-Encoding", "chunked")], context)
        drop(context)
      case .silence: break
      case .hangUp: context.close(promise: nil)
      case .feed(let feed):
        write(200, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")], context)
        context.flush()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        feed.listen { part in
          bound.eventLoop.execute {
            let (handler, context) = bound.value
            handler.pass(part, context)
          }
        }
      case .held(let gate, let answer):
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        gate.wait {
          bound.eventLoop.execute {
            let (handler, context) = bound.value
            handler.give(answer, context)
          }
        }
      }
    }

    private func pass(_ part: Feed.Part, _ context: ChannelHandlerContext) {
      guard context.channel.isActive else { return }
      switch part {
      case .bytes(let bytes):
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
      case .end: context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      case .cut: context.close(promise: nil)
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

    private func drop(_ context: ChannelHandlerContext) {
      guard context.channel.isActive else { return }
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: " ")))), promise: nil)
      context.eventLoop.scheduleTask(in: .milliseconds(5)) {
        let (handler, context) = bound.value
        handler.drop(context)
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
