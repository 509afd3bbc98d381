package import FoundationEssentials
import Synchronization

/// The wall clock and the only way to wait. Everything that lives over time gets one injected, so that tests move it by hand.
package protocol TimeSource: Sendable {
  /// The wall clock time.
  var now: Date { get }
  /// The time on a clock that nobody sets, since some moment; it runs on while the machine is suspended.
  var steady: Duration { get }
  /// Waits for `duration`; throws `CancellationError` when the task is cancelled.
  func sleep(for duration: Duration) async throws
}

/// The machine's clock.
package struct SystemTime: TimeSource {
  package init() {}
  private static let epoch = ContinuousClock.now
  package var now: Date { Date() }
  package var steady: Duration { Self.epoch.duration(to: .now) }
  package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

/// A clock that stands still until a test moves it. Sleepers wake in the order of their deadlines.
package final class TestTime: TimeSource {
  private struct Sleeper {
    let id: UInt64
    let deadline: Date
    let continuation: CheckedContinuation<Void, any Error>
  }
  private struct State {
    var now: Date
    var steady = Duration.zero
    var next: UInt64 = 0
    var sleepers: [Sleeper] = []
    var cancelled: Set<UInt64> = []
    var arrivals: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }
  private let state: Mutex<State>

  package init(_ now: Date = Date(timeIntervalSince1970: 1_795_291_845)) { state = Mutex(State(now: now)) }

  package var now: Date { state.withLock { $0.now } }
  package var steady: Duration { state.withLock { $0.steady } }

  /// The number of tasks that wait on this clock.
  package var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  /// Returns once at least `count` tasks wait on this clock.
  package func waitForSleepers(_ count: Int = 1) async {
    await withCheckedContinuation { continuation in
      let ready = state.withLock { state in
        if state.sleepers.count >= count { return true }
        state.arrivals.append((count, continuation))
        return false
      }
      if ready { continuation.resume() }
    }
  }

  /// Moves the clock and wakes everybody whose deadline has come.
  package func advance(by duration: Duration) {
    let woken = state.withLock { state -> [Sleeper] in
      state.now.addTimeInterval(duration.seconds)
      state.steady += duration
      let due = state.sleepers.filter { $0.deadline <= state.now }.sorted { $0.deadline < $1.deadline }
      state.sleepers.removeAll { $0.deadline <= state.now }
      return due
    }
    for sleeper in woken { sleeper.continuation.resume() }
  }

  /// Sets the wall clock, as an operator or a time service does; nobody who sleeps notices.
  package func set(by duration: Duration) {
    state.withLock { state in
      state.now.addTimeInterval(duration.seconds)
      state.sleepers = state.sleepers.map {
        Sleeper(
          id: $0.id, deadline: $0.deadline.addingTimeInterval(duration.seconds), continuation: $0.continuation)
      }
    }
  }

  package func sleep(for duration: Duration) async throws {
    try Task.checkCancellation()
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let (cancelled, arrived) = state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>]) in
          if state.cancelled.remove(id) != nil { return (true, []) }
          state.sleepers.append(
            Sleeper(id: id, deadline: state.now.addingTimeInterval(duration.seconds), continuation: continuation))
          let count = state.sleepers.count
          let ready = state.arrivals.filter { $0.count <= count }.map(\.continuation)
          state.arrivals.removeAll { $0.count <= count }
          return (false, ready)
        }
        if cancelled { continuation.resume(throwing: CancellationError()) }
        for waiter in arrived { waiter.resume() }
      }
    } onCancel: {
      let continuation = state.withLock { state -> CheckedContinuation<Void, any Error>? in
        guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil
        }
        return state.sleepers.remove(at: index).continuation
      }
      continuation?.resume(throwing: CancellationError())
    }
  }
}

extension Duration {
  /// The duration in seconds.
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
