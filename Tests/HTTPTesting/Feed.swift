import Synchronization

/// The body of an answer that a test sends bit by bit. What is sent before anybody listens waits.
package final class Feed: Sendable {
  enum Part: Sendable {
    case bytes([UInt8])
    case end
    /// The connection is closed in the middle of the body.
    case cut
  }

  private struct State {
    var waiting: [Part] = []
    var listener: (@Sendable (Part) -> Void)?
  }
  private let state = Mutex(State())

  package init() {}

  package func send(_ text: String) { pass(.bytes(Array(text.utf8))) }
  package func end() { pass(.end) }
  package func cut() { pass(.cut) }

  private func pass(_ part: Part) {
    // Inside the lock: what is sent first arrives first.
    state.withLock { state in
      if let listener = state.listener { listener(part) } else { state.waiting.append(part) }
    }
  }

  func listen(_ listener: @escaping @Sendable (Part) -> Void) {
    state.withLock { state in
      for part in state.waiting { listener(part) }
      state.waiting = []
      state.listener = listener
    }
  }
}

/// Holds answers of a server back until a test lets them go: latency without a clock.
package final class Gate: Sendable {
  private struct State {
    var isOpen = false
    var held: [@Sendable () -> Void] = []
    var arrivals: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }
  private let state = Mutex(State())

  package init() {}

  /// Lets go what is held, and everything from now on.
  package func open() {
    let held = state.withLock { state in
      state.isOpen = true
      defer { state.held = [] }
      return state.held
    }
    for answer in held { answer() }
  }

  /// Returns once at least `count` answers are held.
  package func waitUntilHeld(_ count: Int = 1) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.held.count >= count { return true }
        state.arrivals.append((count, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  func wait(_ answer: @escaping @Sendable () -> Void) {
    let (isOpen, arrived) = state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>]) in
      if state.isOpen { return (true, []) }
      state.held.append(answer)
      let count = state.held.count
      let arrived = state.arrivals.filter { $0.count <= count }.map(\.continuation)
      state.arrivals.removeAll { $0.count <= count }
      return (false, arrived)
    }
    if isOpen { answer() }
    for continuation in arrived { continuation.resume() }
  }
}
