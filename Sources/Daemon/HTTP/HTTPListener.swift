package import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A small HTTP/1.1 server: health, Prometheus, bundles. A service.
///
/// Requests are answered on the event loop by a closure that must not block, or by a task per request. Request bodies are thrown away, slow and
/// idle connections are closed, and there are at most 256 connections.
package final class HTTPListener: Service {
  package struct Request: Sendable {
    package let method: String
    /// The path without the query.
    package let path: String

    package init(method: String, path: String) {
      self.method = method
      self.path = path
    }
  }

  package struct Response: Sendable {
    package var status: Int
    package var contentType: String
    package var body: String

    package init(status: Int, contentType: String, body: String) {
      self.status = status
      self.contentType = contentType
      self.body = body
    }
  }

  private static let maximumConnections = 256

  private let host: String
  private let port: Int
  /// How a request gets its page.
  enum Answer: Sendable {
    /// At once, on the event loop.
    case now(@Sendable (Request) -> Response)
    /// After some waiting, in a task of the connection.
    case later(@Sendable (Request) async -> Response)
  }

  private let answer: Answer
  private let prepare: @Sendable (any Channel) throws -> Void
  private let connections = Mutex<[ObjectIdentifier: any Channel]>([:])
  private let bound: (stream: AsyncStream<Int>, continuation: AsyncStream<Int>.Continuation)
  private let whenListening: @Sendable (_ address: String) -> Void

  /// - Parameters:
  ///   - port: 0 takes a free one.
  ///   - whenListening: called with `127.0.0.1:8080` once connections are accepted.
  package convenience init(
    host: String, port: Int, whenListening: @escaping @Sendable (_ address: String) -> Void = { _ in },
    answer: @escaping @Sendable (Request) -> Response
  ) {
    self.init(host: host, port: port, prepare: { _ in }, whenListening: whenListening, answer: .now(answer))
  }

  /// A server whose pages may have to be waited for, and whose connections are prepared, for TLS.
  ///
  /// - Parameters:
  ///   - prepare: called on the event loop of each new connection before HTTP; an error refuses the connection.
  ///   - answer: called once per request, one request at a time on each connection; cancelled when that closes.
  package convenience init(
    host: String, port: Int, prepare: @escaping @Sendable (any Channel) throws -> Void,
    whenListening: @escaping @Sendable (_ address: String) -> Void = { _ in },
    page answer: @escaping @Sendable (Request) async -> Response
  ) {
    self.init(host: host, port: port, prepare: prepare, whenListening: whenListening, answer: .later(answer))
  }

  private init(
    host: String, port: Int, prepare: @escaping @Sendable (any Channel) throws -> Void,
    whenListening: @escaping @Sendable (_ address: String) -> Void, answer: Answer
  ) {
    self.host = host
    self.port = port
    self.prepare = prepare
    self.answer = answer
    self.whenListening = whenListening
    bound = AsyncStream.makeStream(of: Int.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// The port that it listens on, once it does; `nil` if it ended before. For one caller.
  package var boundPort: Int? {
    get async { await bound.stream.first { _ in true } }
  }

  package func run() async throws {
    defer { bound.continuation.finish() }
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { [self] channel in accept(channel) }
      .bind(host: host, port: port).get()
    bound.continuation.yield(listener.localAddress?.port ?? port)
    whenListening(listener.localAddress.map { "\($0.ipAddress ?? host):\($0.port ?? port)" } ?? "\(host):\(port)")
    try await withTaskCancellationHandler {
      try await withGracefulShutdownHandler {
        try await listener.closeFuture.get()
      } onGracefulShutdown: {
        listener.close(promise: nil)
      }
    } onCancel: {
      listener.close(promise: nil)
    }
    for channel in connections.withLock({ Array($0.values) }) { try? await channel.close() }
  }

  private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
    let isFull = connections.withLock { connections in
      guard connections.count < Self.maximumConnections else { return true }
      connections[ObjectIdentifier(channel)] = channel
      return false
    }
    guard !isFull else { return channel.close() }
    channel.closeFuture.whenComplete { [self] _ in
      _ = connections.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) }
    }
    return channel.eventLoop.makeCompletedFuture { [prepare] in
      try prepare(channel)
      try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
    }.flatMapThrowing { [answer] in
      try channel.pipeline.syncOperations.addHandler(HTTPAnswerHandler(answer: answer))
    }
  }
}
