package import Daemon
import FoundationEssentials
import Synchronization

/// Lets a workload that found no identity ask for a sync before its time, so that an entry made a moment ago is found.
///
/// The Workload API asks, the sync loop answers. The number of early syncs is bounded whatever the number of askers: at
/// least ``EarlySyncLimit/shortest`` lies between two, and longer gaps while they bring nothing. A lock isolates it.
package final class EarlySync: Sendable {
  private struct State {
    var limit = EarlySyncLimit()
    var next: UInt64 = 0
    var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    /// Those whose sync has begun.
    var served: [UInt64] = []
  }
  private let state = Mutex(State())
  private let time: any TimeSource
  /// Rung to begin a sync.
  package let syncNeeded = Wakeup()

  package init(time: any TimeSource) { self.time = time }

  /// Returns after the next sync that begins from now on, at once when none may begin early, and in any case after
  /// `limit`.
  package func request(atMost limit: Duration = .milliseconds(300)) async {
    let (id, delay) = state.withLock { state -> (UInt64, Double?) in
      state.next += 1
      // While askers wait for a sync that has not begun, others join them without a new one.
      let joins = state.waiters.keys.contains { !state.served.contains($0) }
      return (state.next, joins ? 0 : state.limit.delay(at: time.now))
    }
    guard let delay, delay <= limit.seconds else { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        if delay > 0 { try? await self.time.sleep(for: .milliseconds(Int64((delay * 1000).rounded(.up)))) }
        await self.wait(id)
      }
      group.addTask { try? await self.time.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
  }

  /// What is found, after an early sync when that is nothing: an entry may be a moment old.
  package func found<T>(_ find: () -> [T]) async -> [T] {
    let first = find()
    guard first.isEmpty else { return first }
    await request()
    return find()
  }

  private func wait(_ id: UInt64) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let isGone = state.withLock { state in
          if Task.isCancelled { return true }
          state.waiters[id] = continuation
          return false
        }
        // Only now, so that the sync that answers finds the asker.
        if isGone { continuation.resume() } else { syncNeeded.ring() }
      }
    } onCancel: {
      let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
        state.served.removeAll { $0 == id }
        return state.waiters.removeValue(forKey: id)
      }
      continuation?.resume()
    }
  }

  /// The askers that wait.
  var waiterCount: Int { state.withLock { $0.waiters.count } }

  /// A sync begins: it serves everybody who asked before.
  package func syncBegins() {
    state.withLock { state in
      state.served = Array(state.waiters.keys)
      state.limit.began(at: time.now)
    }
  }

  /// A sync ended.
  ///
  /// - Parameter outcome: what it brought.
  package func syncEnded(_ outcome: EarlySyncLimit.Outcome) {
    let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
      state.limit.ended(outcome)
      defer { state.served = [] }
      return state.served.compactMap { state.waiters.removeValue(forKey: $0) }
    }
    for continuation in woken { continuation.resume() }
  }
}
