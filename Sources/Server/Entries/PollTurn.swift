import Synchronization

/// A turn that one task at a time has; the others wait for theirs. Any thread.
final class PollTurn: Sendable {
  private struct State {
    var isTaken = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  var isTaken: Bool { state.withLock(\.isTaken) }

  nonisolated(nonsending) func take<T>(_ body: nonisolated(nonsending) () async -> T) async -> T {
    await withCheckedContinuation { continuation in
      let isMine = state.withLock { state in
        guard state.isTaken else {
          state.isTaken = true
          return true
        }
        state.waiters.append(continuation)
        return false
      }
      if isMine { continuation.resume() }
    }
    let result = await body()
    pass()
    return result
  }

  /// Hands the turn to who has waited longest.
  private func pass() {
    let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard !state.waiters.isEmpty else {
        state.isTaken = false
        return nil
      }
      return state.waiters.removeFirst()
    }
    next?.resume()
  }
}
