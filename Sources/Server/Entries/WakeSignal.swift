import Daemon
import Synchronization

/// Wakes one task before its time. Raised any number of times while nobody waits, it wakes once. Any thread raises it; one
/// task at a time waits.
final class WakeSignal: Sendable {
  private struct State {
    var isRaised = false
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())

  func raise() {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.isRaised = state.waiter == nil
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Returns when it is raised, or after `duration`.
  ///
  /// - Throws: `CancellationError` when the task is cancelled.
  func wait(atMost duration: Duration, time: any TimeSource) async throws {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await time.sleep(for: duration) }
      group.addTask { await self.raised() }
      await group.next()
      group.cancelAll()
    }
    try Task.checkCancellation()
  }

  private func raised() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          // Looked up under the lock: a cancellation before it is seen here, one after it finds the waiter.
          if Task.isCancelled { return true }
          if state.isRaised {
            state.isRaised = false
            return true
          }
          state.waiter = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }
  }
}
