import NIOCore
import Synchronization

/// The connections of an endpoint, from accept until the last of their tasks has ended.
///
/// Connections are added and removed on their event loops; the endpoint drains, closes and awaits them. A mutex guards it;
/// calls do not touch it.
final class ConnectionRegistry: Sendable {
  fileprivate enum Phase {
    case serving
    case draining
    case closing
  }

  fileprivate struct State {
    var phase = Phase.serving
    var channels: [UInt64: any Channel] = [:]
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private static let nextID = Atomic<UInt64>(1)
  private let state = Mutex(State())
  private let most: Int

  init(most: Int) { self.most = most }

  /// A number of its own among the connections of this process.
  static func newID() -> UInt64 { nextID.wrappingAdd(1, ordering: .relaxed).oldValue }

  /// Adds a connection. `false`: there are too many, or the endpoint shuts down; it must be closed.
  func add(_ channel: any Channel, id: UInt64) -> Bool {
    state.withLock { state in
      guard case .serving = state.phase, state.channels.count < most else { return false }
      state.channels[id] = channel
      return true
    }
  }

  /// The connection is closed and nothing of it runs.
  func remove(_ id: UInt64) {
    let waiters = state.withLock { state in
      state.channels.removeValue(forKey: id)
      return state.takeWaiters()
    }
    for waiter in waiters { waiter.resume() }
  }

  var count: Int { state.withLock { $0.channels.count } }

  /// Tells all connections that the endpoint shuts down.
  func drain() {
    let channels = state.withLock { state -> [any Channel] in
      guard case .serving = state.phase else { return [] }
      state.phase = .draining
      return Array(state.channels.values)
    }
    for channel in channels {
      channel.pipeline.fireUserInboundEventTriggered(ConnectionHandler.Drain(isShutdown: true))
    }
  }

  /// Closes all connections at once.
  func close() {
    let channels = state.withLock { state in
      state.phase = .closing
      return Array(state.channels.values)
    }
    for channel in channels { channel.close(promise: nil) }
  }

  /// Returns when no connection is left. To be called when no more can come.
  func empty() async {
    await withCheckedContinuation { continuation in
      let waiters = state.withLock { state in
        state.waiters.append(continuation)
        return state.takeWaiters()
      }
      for waiter in waiters { waiter.resume() }
    }
  }
}

extension ConnectionRegistry.State {
  /// Those who wait, if there is nothing left to wait for.
  fileprivate mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
    guard channels.isEmpty else { return [] }
    defer { waiters = [] }
    return waiters
  }
}
