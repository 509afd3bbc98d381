import GRPCCore
import GRPCNIOTransportHTTP2Posix
import NIOCore
import Synchronization

/// One open connection of a client, and the rules by which it may end.
///
/// The stock transport must be run exactly once, and must not be asked to shut down before it runs: either mistake
/// drops a NIO writer unfinished, which ends the process. So a connection that carried no call yet is ended by closing
/// its channel, and one that nobody ran is run to its end when it is let go. A mutex guards the state.
final class ClientConnection: Sendable {
  private struct State {
    /// Whether the transport was run.
    var isRun = false
    /// Whether a call has begun, which proves that the transport runs and is ready.
    var isProven = false
  }

  private let transport: HTTP2ClientTransport.WrappedChannel
  private let channel: any Channel
  private let state = Mutex(State())

  init(transport: HTTP2ClientTransport.WrappedChannel, channel: any Channel) {
    self.transport = transport
    self.channel = channel
  }

  deinit {
    guard !state.withLock(\.isRun) else { return }
    let (transport, channel) = (transport, channel)
    // The bridge from NIO: the closed channel ends it at once.
    Task {
      try? await channel.close()
      try? await transport.connect()
    }
  }

  /// Runs the connection until it is closed. The second call returns at once.
  func run() async {
    let isFirst = state.withLock { state in
      defer { state.isRun = true }
      return !state.isRun
    }
    if isFirst { try? await transport.connect() }
  }

  /// Begins the end: calls under way may finish, no new ones begin.
  func end() {
    if state.withLock(\.isProven) {
      transport.beginGracefulShutdown()
    } else {
      channel.close(promise: nil)
    }
  }

  func withStream<T: Sendable>(
    descriptor: MethodDescriptor, options: CallOptions,
    _ body: (
      RPCStream<ReconnectingTransport.Inbound, ReconnectingTransport.Outbound>, ClientContext
    ) async throws -> T
  ) async throws -> T {
    try await transport.withStream(descriptor: descriptor, options: options) { stream, context in
      state.withLock { $0.isProven = true }
      return try await body(stream, context)
    }
  }
}
