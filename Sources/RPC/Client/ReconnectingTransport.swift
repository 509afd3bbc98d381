package import GRPCCore
package import GRPCNIOTransportCore
import Synchronization

/// A gRPC client on a ``ReconnectingTransport``.
package typealias RPCClient = GRPCClient<ReconnectingTransport>

/// A client's transport that opens a connection when a call needs one and shares it among all calls.
///
/// A call that finds no connection and cannot open one fails at once with UNAVAILABLE and a ``ConnectError`` as its
/// cause; nothing is retried in the background, so the caller's own backoff holds. ``reset()`` makes the next call
/// open a fresh connection, with the identity of that moment. Safe from any thread; its connections run inside
/// `connect()`, that is, inside the client's `runConnections()`.
package final class ReconnectingTransport: ClientTransport {
  package typealias Bytes = GRPCNIOTransportBytes
  private typealias Connection = ClientConnection
  private typealias Waiter = CheckedContinuation<ClientConnection, any Error>

  private enum State {
    case idle
    case connecting([Waiter])
    case connected(Connection)
    case closed
  }

  private let connector: Connector
  private let state = Mutex<State>(.idle)
  private let opened = AsyncStream.makeStream(of: ClientConnection.self)
  private let openedCount = Atomic<UInt64>(0)

  package let retryThrottle: RetryThrottle? = nil

  init(connector: Connector) { self.connector = connector }

  /// To a server behind a Unix socket, which may ask for TLS as well.
  package static func unix(
    path: String, tls: ClientTLS? = nil, timeout: Duration = .seconds(10)
  ) -> ReconnectingTransport {
    ReconnectingTransport(connector: Connector(target: .unix(path: path, tls: tls), timeout: timeout))
  }

  /// To a server behind TLS. The timeout holds for dialling and again for the handshake.
  package static func tls(
    host: String, port: Int, tls: ClientTLS, timeout: Duration = .seconds(10)
  ) -> ReconnectingTransport {
    ReconnectingTransport(connector: Connector(target: .tcp(host: host, port: port, tls: tls), timeout: timeout))
  }

  /// To a server that speaks no TLS.
  package static func plaintext(
    host: String, port: Int, timeout: Duration = .seconds(10)
  ) -> ReconnectingTransport {
    ReconnectingTransport(connector: Connector(target: .tcp(host: host, port: port, tls: nil), timeout: timeout))
  }

  package func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? { nil }

  /// How many connections were opened so far: another number says that another server may answer.
  package var connectionNumber: UInt64 { openedCount.load(ordering: .relaxed) }

  /// Runs the connections until the client shuts down.
  package func connect() async throws {
    await withDiscardingTaskGroup { group in
      for await connection in opened.stream {
        group.addTask {
          await connection.run()
          self.forget(connection)
        }
      }
    }
  }

  package func beginGracefulShutdown() {
    let connection = state.withLock { state -> Connection? in
      defer { state = .closed }
      if case .connected(let connection) = state { return connection }
      if case .connecting(let waiters) = state {
        for waiter in waiters { waiter.resume(throwing: Self.closedError) }
      }
      return nil
    }
    connection?.end()
    opened.continuation.finish()
  }

  /// Lets go of the connection: calls on it may finish, the next call opens another one.
  package func reset() {
    let connection = state.withLock { state -> Connection? in
      guard case .connected(let connection) = state else { return nil }
      state = .idle
      return connection
    }
    connection?.end()
  }

  package func withStream<T: Sendable>(
    descriptor: MethodDescriptor, options: CallOptions,
    _ body: (RPCStream<Inbound, Outbound>, ClientContext) async throws -> T
  ) async throws -> T {
    for isLast in [false, true] {
      let connection = try await current()
      var hasBegun = false
      do {
        return try await connection.withStream(descriptor: descriptor, options: options) { stream, context in
          hasBegun = true
          return try await body(stream, context)
        }
      } catch {
        // The server let the connection go between two calls. Nothing was sent, so a fresh one may carry the call.
        guard !hasBegun, !isLast, !Task.isCancelled else { throw error }
        forget(connection)
      }
    }
    throw Self.closedError
  }

  private static var closedError: RPCError { RPCError(code: .unavailable, message: "the client connection is closing") }

  private func forget(_ connection: ClientConnection) {
    let isOurs = state.withLock { state -> Bool in
      guard case .connected(let current) = state, current === connection else { return false }
      state = .idle
      return true
    }
    if isOurs { connection.end() }
  }

  /// The connection that is open, or the one that this call or another one opens now.
  private func current() async throws -> ClientConnection {
    enum Step {
      case use(Connection)
      case open
      case wait
      case fail
    }
    let step = state.withLock { state -> Step in
      switch state {
      case .idle:
        state = .connecting([])
        return .open
      case .connecting: return .wait
      case .connected(let connection): return .use(connection)
      case .closed: return .fail
      }
    }
    switch step {
    case .use(let connection): return connection
    case .fail: throw Self.closedError
    case .open: return try await open()
    case .wait:
      return try await withCheckedThrowingContinuation { continuation in
        let settled = state.withLock { state -> Result<Connection, any Error>? in
          switch state {
          case .connecting(let waiters):
            state = .connecting(waiters + [continuation])
            return nil
          case .connected(let connection): return .success(connection)
          case .idle: return .failure(RPCError(code: .unavailable, message: "the connection attempt failed"))
          case .closed: return .failure(Self.closedError)
          }
        }
        if let settled { continuation.resume(with: settled) }
      }
    }
  }

  private func open() async throws -> ClientConnection {
    let result: Result<Connection, any Error>
    do {
      result = .success(try await connector.connect())
      openedCount.add(1, ordering: .relaxed)
    } catch {
      result = .failure(RPCError(code: .unavailable, message: "\(error)", cause: error))
    }
    let (waiters, outcome) = state.withLock { state -> ([Waiter], Result<Connection, any Error>) in
      guard case .connecting(let waiters) = state else { return ([], .failure(Self.closedError)) }
      switch result {
      case .success(let connection): state = .connected(connection)
      case .failure: state = .idle
      }
      return (waiters, result)
    }
    switch (result, outcome) {
    case (.success(let connection), .success): opened.continuation.yield(connection)
    case (.success(let connection), .failure):
      // The client shut down meanwhile: the connection is run to its end here.
      connection.end()
      await connection.run()
    case (.failure, _): break
    }
    for waiter in waiters { waiter.resume(with: outcome) }
    return try outcome.get()
  }
}
