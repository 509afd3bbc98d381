import Synchronization

/// Tells parts of this process what the datastore committed, right after each commit.
///
/// The datastore publishes; the entry cache, bundle publishers and streams subscribe. Publishing never waits: what a
/// subscriber has not fetched yet is merged, up to a bound. Any thread.
package final class ChangeFeed: Sendable {
  private struct State {
    var next: UInt64 = 0
    var subscriptions: [UInt64: WeakSubscription] = [:]
    var isFinished = false
  }
  private struct WeakSubscription: Sendable {
    weak var subscription: ChangeSubscription?
  }
  private let state = Mutex(State())

  package init() {}

  /// Begins to collect changes. The subscription ends when it is let go, or when the datastore closes.
  package func subscribe() -> ChangeSubscription {
    let subscription = ChangeSubscription()
    let isFinished = state.withLock { state in
      state.subscriptions = state.subscriptions.filter { $0.value.subscription != nil }
      state.subscriptions[state.next] = WeakSubscription(subscription: subscription)
      state.next += 1
      return state.isFinished
    }
    if isFinished { subscription.finish() }
    return subscription
  }

  /// Hands changes to all subscribers. Called by the datastore after a commit.
  package func publish(_ changes: DatastoreChanges) {
    if changes.isEmpty { return }
    for subscription in current() { subscription.receive(changes) }
  }

  /// Ends all subscriptions. Called by the datastore when it closes.
  package func finish() {
    state.withLock { $0.isFinished = true }
    for subscription in current() { subscription.finish() }
  }

  private func current() -> [ChangeSubscription] {
    state.withLock { state in state.subscriptions.values.compactMap(\.subscription) }
  }
}
