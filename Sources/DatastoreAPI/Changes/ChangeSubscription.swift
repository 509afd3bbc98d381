import Synchronization

/// One subscriber's view of a ``ChangeFeed``: `for await changes in subscription` gives what changed since the last turn.
///
/// Owned by one task, which iterates over it; a mutex guards it against the publisher.
package final class ChangeSubscription: AsyncSequence, Sendable {
  package typealias Element = DatastoreChanges
  package typealias Failure = Never

  /// The number of changed items above which they are no longer listed one by one.
  package static let limit = 10_000

  private struct State {
    var pending = DatastoreChanges()
    var waiter: CheckedContinuation<DatastoreChanges?, Never>?
    var isFinished = false
  }
  private let state = Mutex(State())

  init() {}

  /// Waits for changes: everything since the last call, merged. `nil` once the feed or the calling task has ended.
  package func next() async -> DatastoreChanges? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<DatastoreChanges?, Never>) in
        let (resumed, value, displaced) = state.withLock {
          state -> (Bool, DatastoreChanges?, CheckedContinuation<DatastoreChanges?, Never>?) in
          if !state.pending.isEmpty {
            defer { state.pending = DatastoreChanges() }
            return (true, state.pending, nil)
          }
          // Looked up under the lock: a cancellation before it is seen here, one after it finds the waiter.
          if state.isFinished || Task.isCancelled { return (true, nil, nil) }
          defer { state.waiter = continuation }
          return (false, nil, state.waiter)
        }
        displaced?.resume(returning: nil)
        if resumed { continuation.resume(returning: value) }
      }
    } onCancel: {
      takeWaiter(finishing: false)?.resume(returning: nil)
    }
  }

  /// What has changed since the last call, without waiting; `nil` if nothing has.
  package func pending() -> DatastoreChanges? {
    state.withLock { state in
      if state.pending.isEmpty { return nil }
      defer { state.pending = DatastoreChanges() }
      return state.pending
    }
  }

  func receive(_ changes: DatastoreChanges) {
    let waiter = state.withLock { state -> CheckedContinuation<DatastoreChanges?, Never>? in
      guard let waiter = state.waiter else {
        state.pending.merge(changes, limit: Self.limit)
        return nil
      }
      state.waiter = nil
      return waiter
    }
    waiter?.resume(returning: changes)
  }

  func finish() { takeWaiter(finishing: true)?.resume(returning: nil) }

  private func takeWaiter(finishing: Bool) -> CheckedContinuation<DatastoreChanges?, Never>? {
    state.withLock { state in
      if finishing { state.isFinished = true }
      defer { state.waiter = nil }
      return state.waiter
    }
  }

  package struct AsyncIterator: AsyncIteratorProtocol {
    let subscription: ChangeSubscription
    package func next() async -> DatastoreChanges? { await subscription.next() }
    package func next(isolation actor: isolated (any Actor)?) async -> DatastoreChanges? { await subscription.next() }
  }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription: self) }
}
