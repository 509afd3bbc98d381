package import Daemon
import Synchronization

/// A bell between a loop and those who want it to work before its time. Rings that come while the loop works count
/// once.
///
/// One loop waits; anybody rings, from any thread.
package final class Wakeup: Sendable {
  fileprivate struct State {
    var pending = false
    var waiter: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())

  package init() {}

  package func ring() {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard let waiter = state.waiter else {
        state.pending = true
        return nil
      }
      state.waiter = nil
      return waiter
    }
    waiter?.resume()
  }

  /// Returns when somebody rang, after `limit`, or when the task is cancelled (then it throws).
  package func wait(atMost limit: Duration, _ time: any TimeSource) async throws {
    try Task.checkCancellation()
    if state.withLock({ $0.takePending() }) { return }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.ringing() }
      group.addTask { try await time.sleep(for: limit) }
      defer { group.cancelAll() }
      try await group.next()
    }
    try Task.checkCancellation()
  }

  private func ringing() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let now = state.withLock { state in
          if Task.isCancelled || state.takePending() { return true }
          state.waiter = continuation
          return false
        }
        if now { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        let waiter = state.waiter
        state.waiter = nil
        return waiter
      }
      waiter?.resume()
    }
  }
}

extension Wakeup.State {
  fileprivate mutating func takePending() -> Bool {
    defer { pending = false }
    return pending
  }
}
