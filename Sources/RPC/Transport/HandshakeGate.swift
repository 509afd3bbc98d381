import Synchronization

/// Bounds the TLS handshakes that an endpoint does at the same time (``HandshakeQueue``).
///
/// A handshake costs a hundred times what a call costs. After a restart thousands of agents come at once; without a bound
/// their handshakes would fill the event loops, and calls of those who are through, and of the health check, would wait
/// behind them. Shared by the connections of an endpoint; a mutex guards it.
final class HandshakeGate: Sendable {
  private struct State {
    var queue: HandshakeQueue
    var waiters: [UInt64: @Sendable () -> Void] = [:]
  }

  private let state: Mutex<State>

  init(limit: Int) { state = Mutex(State(queue: HandshakeQueue(limit: limit))) }

  /// A connection wants to begin. `begin` runs when it may: now, or later, on whatever thread ends another handshake.
  func enter(_ id: UInt64, from source: String, begin: @escaping @Sendable () -> Void) {
    let mayBegin = state.withLock { state in
      if state.queue.enter(id, from: source) { return true }
      state.waiters[id] = begin
      return false
    }
    if mayBegin { begin() }
  }

  /// A connection has done its handshake, or is gone. May be told more than once.
  func leave(_ id: UInt64) {
    let begun = state.withLock { state in
      state.waiters[id] = nil
      return state.queue.leave(id).compactMap { state.waiters.removeValue(forKey: $0) }
    }
    for begin in begun { begin() }
  }
}
