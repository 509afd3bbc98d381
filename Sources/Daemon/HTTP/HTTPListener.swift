package import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A small HTTP/1.1 server: health, Prometheus, bundles, OIDC discovery. A service.
///
/// Requests are answered on the event loop by a closure that must not block, or by a task per request. Request bodies are thrown away, slow and
/// idle connections are closed, and there are at most 256 connections, of which an address (IPv6: a /64) may have as many
/// as are free. Of a client that does not read its answers no more requests are looked at.
package final class HTTPListener: Service {
  package struct Request: Sendable {
    package let method: String
    /// The path without the query.
    package let path: String
    /// The path and the query as they were sent.
    package let target: String
    /// In their order.
    package let headers: [(name: String, value: String)]
    /// Who asks: `127.0.0.1:40000`; `@` on a Unix socket.
    package let peer: String

    package init(
      method: String, path: String, target: String? = nil, headers: [(name: String, value: String)] = [],
      peer: String = ""
    ) {
      self.method = method
      self.path = path
      self.target = target ?? path
      self.headers = headers
      self.peer = peer
    }

    /// The first header of this name, in any case.
    package func header(_ name: String) -> String? {
      headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
  }

  package struct Response: Sendable {
    package var status: Int
    /// Empty for none.
    package var contentType: String
    package var body: String
    /// Beside type and length.
    package var headers: [(name: String, value: String)]

    package init(
      status: Int, contentType: String, body: String, headers: [(name: String, value: String)] = []
    ) {
      self.status = status
      self.contentType = contentType
      self.body = body
      self.headers = headers
    }
  }

  /// Where connections come from.
  package enum Address: Sendable {
    case tcp(host: String, port: Int)
    /// A port on all addresses of the machine, of both families where it has both.
    case anywhere(port: Int)
    /// A socket that is bound and listens already; the listener closes it.
    case socket(Int32, name: String)

    /// As it is configured: `127.0.0.1:8080`, `:8080`, a path.
    package var name: String {
      switch self {
      case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      case .anywhere(let port): ":\(port)"
      case .socket(_, let name): name
      }
    }
  }

  /// How a request gets its page.
  package enum Answer: Sendable {
    /// At once, on the event loop.
    case now(@Sendable (Request) -> Response)
    /// After some waiting, in a task of the connection; cancelled when that closes.
    case later(@Sendable (Request) async -> Response)
  }

  /// Connections at the same time.
  package static let maximumConnections = 256

  private let address: Address
  private let answer: Answer
  private let prepare: @Sendable (any Channel) throws -> Void
  private let connections = Mutex(Connections())
  private let bound: (stream: AsyncStream<Int>, continuation: AsyncStream<Int>.Continuation)
  private let whenListening: @Sendable (_ address: String) -> Void

  /// - Parameters:
  ///   - port: 0 takes a free one.
  ///   - whenListening: called with `127.0.0.1:8080` once connections are accepted.
  package convenience init(
    host: String, port: Int, whenListening: @escaping @Sendable (_ address: String) -> Void = { _ in },
    answer: @escaping @Sendable (Request) -> Response
  ) {
    self.init(.tcp(host: host, port: port), whenListening: whenListening, answer: .now(answer))
  }

  /// A server whose pages may have to be waited for, and whose connections are prepared, for TLS.
  package convenience init(
    host: String, port: Int, prepare: @escaping @Sendable (any Channel) throws -> Void,
    whenListening: @escaping @Sendable (_ address: String) -> Void = { _ in },
    page answer: @escaping @Sendable (Request) async -> Response
  ) {
    self.init(.tcp(host: host, port: port), prepare: prepare, whenListening: whenListening, answer: .later(answer))
  }

  /// - Parameters:
  ///   - prepare: called on the event loop of each new connection before HTTP; an error refuses the connection.
  ///   - whenListening: called with the address once connections are accepted.
  ///   - answer: called once per request, one request at a time on each connection.
  package init(
    _ address: Address, prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in },
    whenListening: @escaping @Sendable (_ address: String) -> Void = { _ in }, answer: Answer
  ) {
    self.address = address
    self.prepare = prepare
    self.answer = answer
    self.whenListening = whenListening
    bound = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// The port that it listens on, once it does (0 for a Unix socket); `nil` if it ended before. For one caller.
  package var boundPort: Int? {
    get async { await bound.stream.first { _ in true } }
  }

  package func run() async throws {
    defer { bound.continuation.finish() }
    let listener = try await listen()
    bound.continuation.yield(listener.localAddress?.port ?? 0)
    let ip = listener.localAddress?.ipAddress
    let port = listener.localAddress?.port
    whenListening(ip.flatMap { ip in port.map { "\(ip.contains(":") ? "[\(ip)]" : ip):\($0)" } } ?? address.name)
    try await withTaskCancellationHandler {
      try await withGracefulShutdownHandler {
        try await listener.closeFuture.get()
      } onGracefulShutdown: {
        listener.close(promise: nil)
      }
    } onCancel: {
      listener.close(promise: nil)
    }
    for channel in connections.withLock({ Array($0.open.values) }) { try? await channel.close() }
  }

  private func listen() async throws -> any Channel {
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { [self] channel in accept(channel) }
    let reusing = { bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1) }
    switch address {
    case .tcp(let host, let port): return try await reusing().bind(host: host, port: port).get()
    case .anywhere(let port):
      do { return try await reusing().bind(host: "::", port: port).get() } catch {
        // A machine without IPv6. What else is wrong is wrong here, too, and said in its own words.
        return try await reusing().bind(host: "0.0.0.0", port: port).get()
      }
    case .socket(let descriptor, _): return try await bootstrap.withBoundSocket(descriptor).get()
    }
  }

  /// The open connections and how many each address has. A value; the listener's mutex guards it.
  private struct Connections {
    var open: [ObjectIdentifier: any Channel] = [:]
    var sources: [String: Int] = [:]

    /// `false`: there is no room, or none for this address. All of a Unix socket are of one.
    mutating func add(_ channel: any Channel, from source: String) -> Bool {
      let free = HTTPListener.maximumConnections - open.count
      let mine = sources[source, default: 0]
      guard free > 0, mine == 0 || source.isEmpty || mine < free else { return false }
      open[ObjectIdentifier(channel)] = channel
      sources[source] = mine + 1
      return true
    }

    mutating func remove(_ channel: any Channel, from source: String) {
      guard open.removeValue(forKey: ObjectIdentifier(channel)) != nil else { return }
      let mine = sources[source, default: 0] - 1
      sources[source] = mine > 0 ? mine : nil
    }
  }

  private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
    let source = SourceNetwork.of(channel.remoteAddress?.ipAddress ?? "")
    guard connections.withLock({ $0.add(channel, from: source) }) else { return channel.close() }
    channel.closeFuture.whenComplete { [self] _ in connections.withLock { $0.remove(channel, from: source) } }
    return channel.eventLoop.makeCompletedFuture { [prepare] in
      try prepare(channel)
      try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
    }.flatMapThrowing { [answer] in
      try channel.pipeline.syncOperations.addHandler(HTTPAnswerHandler(answer: answer))
    }
  }
}
