import Synchronization

/// Tells parts of this process what the datastore committed, right after each commit.
///
/// The datastore publishes; the entry cache, bundle publishers and streams subscribe. Publishing never waits: what a
/// subscriber has not fetched yet is merged, up to a bound. Any thread.
package final class ChangeFeed: Sendable {
  private struct State {
    var next: UInt64 = 0
    var subscriptions: [UInt64: WeakSubscription] = [:]
    var observers: [WeakObserver] = []
    var isFinished = false
  }
  private struct WeakSubscription: Sendable {
    weak var subscription: ChangeSubscription?
  }
  private struct WeakObserver: Sendable {
    weak var observer: (any CommitObserver)?
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

  /// Has every later commit told to `observer`, before its write is acknowledged, for as long as the observer lives.
  package func observe(_ observer: any CommitObserver) {
    state.withLock { state in
      state.observers.removeAll { $0.observer == nil }
      state.observers.append(WeakObserver(observer: observer))
    }
  }

  /// Tells a commit to the observers, then to the subscribers. Called by the datastore in the order of its commits.
  package func publish(_ commit: DatastoreCommit) {
    let changes = commit.changes
    if changes.isEmpty { return }
    for observer in observers() { observer.committed(commit) }
    publish(changes)
  }

  /// Tells that a commit may or may not have taken effect. Called by the datastore.
  package func publishUncertainty() {
    for observer in observers() { observer.commitIsUncertain() }
    var changes = DatastoreChanges()
    changes.everything = true
    changes.federationRelationships = true
    publish(changes)
  }

  /// Hands changes to all subscribers.
  package func publish(_ changes: DatastoreChanges) {
    if changes.isEmpty { return }
    for subscription in current() { subscription.receive(changes) }
  }

  /// Ends all subscriptions. Called by the datastore when it closes.
  package func finish() {
    state.withLock { $0.isFinished = true }
    for subscription in current() { subscription.finish() }
  }

  private func observers() -> [any CommitObserver] { state.withLock { $0.observers.compactMap(\.observer) } }

  private func current() -> [ChangeSubscription] {
    state.withLock { state in state.subscriptions.values.compactMap(\.subscription) }
  }
}
