import Daemon
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The one way in which the daemons ask a server over HTTP/1.1: any method, bounded in time and size, and no redirection
/// is followed (``HTTPExchange`` follows those of a GET where its rules allow). A connection per request, on an event
/// loop that it does not block. A value; keeps nothing.
package struct HTTPClient: Sendable {
  /// Bounds of each request.
  package struct Limits: Sendable {
    /// For finding and reaching the server.
    package var connect: Duration
    /// For the whole answer, the TLS handshake included.
    package var answer: Duration
    /// Of the answer. In bytes.
    package var maximumBody: Int

    package init(connect: Duration, answer: Duration, maximumBody: Int) {
      self.connect = connect
      self.answer = answer
      self.maximumBody = maximumBody
    }
  }

  /// The largest request that is sent.
  package static let maximumRequestBody = 4 << 20

  package let limits: Limits
  private let proxies: HTTPProxies

  /// - Parameter proxies: through which servers are reached; Unix sockets never are.
  package init(_ limits: Limits, proxies: HTTPProxies = .none) {
    self.limits = limits
    self.proxies = proxies
  }

  /// The server's answer, whatever its status is.
  ///
  /// A caller that is cancelled gets ``HTTPFailure/cancelled`` at once, and the connection is closed.
  package func send(_ request: HTTPRequest, over route: HTTPRoute) async throws(HTTPFailure) -> HTTPAnswer {
    let security = try Self.security(for: request, over: route)
    let request = try proxied(request, over: route)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let call = HTTPCall(loop)
    let refusal = ServerTrust.Refusal()
    let dialled = dial(request, route, loop)
    dialled.channel.whenComplete { result in
      do {
        let channel: any Channel
        do { channel = try result.get() } catch {
          throw HTTPFailure(dialling: error, dialled.network, dialled.address)
        }
        guard call.connected(channel) else { return }
        try assemble(channel, request, security, call, refusal)
      } catch {
        call.finish(.failure(error))
      }
    }
    do {
      return try await withTaskCancellationHandler {
        try await call.answer.get()
      } onCancel: {
        call.finish(.failure(HTTPFailure.cancelled))
      }
    } catch {
      throw HTTPFailure(exchanging: error, refusal)
    }
  }

  typealias Security = (wanted: HTTPSecurity, context: NIOSSLContext)

  /// What protects the way of a request; nil for one in the clear. Refuses requests that cannot be sent.
  static func security(for request: HTTPRequest, over route: HTTPRoute) throws(HTTPFailure) -> Security? {
    if let header = request.unsendableHeader {
      throw .protocol("net/http: invalid header field \(GoText.quote(header))")
    }
    guard request.body?.count ?? 0 <= Self.maximumRequestBody else {
      throw .protocol("the request has more than \(Self.maximumRequestBody) bytes")
    }
    switch route {
    case .https(let wanted):
      guard request.url.scheme == .https else { throw .protocol("\(request.url) does not use the https scheme") }
      do { return (wanted, try wanted.context()) } catch {
        throw .authentication("cannot read the certificates to connect with: \(error)")
      }
    case .plain, .unixSocket:
      // What is meant to be protected is never sent in the clear.
      guard request.url.scheme == .http else { throw .protocol("\(request.url) does not use the http scheme") }
      return nil
    }
  }

  /// The request with the proxy that it goes through, if there is one.
  func proxied(_ request: HTTPRequest, over route: HTTPRoute) throws(HTTPFailure) -> HTTPRequest {
    if case .unixSocket = route { return request }
    var request = request
    request.proxy = try proxies.proxy(for: request.url)
    return request
  }

  func dial(
    _ request: HTTPRequest, _ route: HTTPRoute, _ loop: any EventLoop
  ) -> (channel: EventLoopFuture<any Channel>, network: String, address: String) {
    let url = request.url
    let patience = TimeAmount(limits.connect)
    let bootstrap = ClientBootstrap(group: loop).connectTimeout(patience)
    if case .unixSocket(let path) = route {
      return (bootstrap.connect(unixDomainSocketPath: path), "unix", path)
    }
    guard let proxy = request.proxy else {
      return (bootstrap.connect(host: url.host, port: url.port), "tcp", url.hostAndPort)
    }
    var channel = bootstrap.connect(host: proxy.host, port: proxy.port)
    if url.scheme == .https {
      channel = channel.flatMap { HTTPTunnel.open($0, to: url, through: proxy, within: patience) }
    }
    return (channel, "tcp", proxy.hostAndPort)
  }

  /// Puts the connection's layers together; on its event loop.
  private func assemble(
    _ channel: any Channel, _ request: HTTPRequest, _ security: Security?, _ call: HTTPCall,
    _ refusal: ServerTrust.Refusal
  ) throws {
    try addLayers(channel, request, security, refusal)
    try channel.pipeline.syncOperations.addHandler(HTTPCallHandler(request, limits, call))
  }

  /// TLS, the bound of bytes, and HTTP; on the connection's event loop.
  @discardableResult
  func addLayers(
    _ channel: any Channel, _ request: HTTPRequest, _ security: Security?, _ refusal: ServerTrust.Refusal
  ) throws -> HTTPByteLimit {
    let pipeline = channel.pipeline.syncOperations
    if let (wanted, context) = security {
      try pipeline.addHandler(
        wanted.trust.handler(context, host: wanted.serverName ?? request.url.host, refusal: refusal))
    }
    let limit = HTTPByteLimit(maximumBody: limits.maximumBody)
    try pipeline.addHandler(limit)
    try pipeline.addHTTPClientHandlers()
    return limit
  }
}
