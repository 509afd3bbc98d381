import Synchronization

/// One open stream of secrets: its ``SecretStream``, shared by the task that reads requests and the one that waits for
/// updates. Whichever has something new answers, one at a time, so that responses keep their order. A lock isolates the
/// state; nothing waits while it is held.
final class SecretSession: Sendable {
  /// Why the task that waits for updates is called away from its subscription.
  enum Turn {
    /// To begin another one, after the server was asked.
    case anew
    /// The client has said all that it wanted and has its answers.
    case finished
    case failed(any Error)
  }

  private struct State {
    var stream: SecretStream
    /// One of the tasks is answering; it goes on with what is new.
    var isAnswering = false
    var isClosed = false
    var turn: Turn?
    var subscription: WorkloadSubscription?

    mutating func call(_ turn: Turn) {
      switch self.turn {
      case nil, .anew: self.turn = turn
      case .finished, .failed: break
      }
      subscription?.finish()
    }
  }
  private let state: Mutex<State>
  private let nonce: @Sendable () -> UInt32

  init(_ names: SecretNames, nonce: @escaping @Sendable () -> UInt32) {
    state = Mutex(State(stream: SecretStream(names)))
    self.nonce = nonce
  }

  /// What to log about the request, and who sent it.
  func receive(_ request: SecretRequest) -> (notes: [SecretStream.Note], node: EnvoyNode?) {
    state.withLock { ($0.stream.receive(request), $0.stream.node) }
  }

  /// An update of the subscription that is followed. One that is to end has nothing to say any more: the next one begins
  /// with what is newest.
  func receive(_ update: WorkloadUpdate) {
    state.withLock { state in
      if state.turn == nil { state.stream.receive(update) }
    }
  }

  /// The server was asked. The subscription that begins now waits for what that brought.
  func lookedAgain() {
    state.withLock { state in
      state.stream.lookedAgain()
      state.call(.anew)
    }
  }

  /// There are no more requests.
  func close() { state.withLock { $0.isClosed = true } }

  /// From now on a turn ends this subscription.
  func follow(_ subscription: WorkloadSubscription) {
    state.withLock { state in
      state.subscription = subscription
      if state.turn != nil { subscription.finish() }
    }
  }

  /// Calls the task that waits for updates away; the first end holds.
  func call(_ turn: Turn) { state.withLock { $0.call(turn) } }

  func takeTurn() -> Turn? {
    state.withLock { state in
      defer { state.turn = nil }
      return state.turn
    }
  }

  /// True for the task that is to answer now.
  func beginAnswering() -> Bool {
    state.withLock { state in
      defer { state.isAnswering = true }
      return !state.isAnswering
    }
  }

  /// What to do next; nil ends the answering until something comes in.
  func next() -> SecretStream.Action? {
    state.withLock { state in
      if let action = state.stream.next(nonce: nonce) { return action }
      state.isAnswering = false
      if state.isClosed, !state.stream.isUnanswered { state.call(.finished) }
      return nil
    }
  }
}
