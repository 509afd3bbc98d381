import Synchronization

/// One open stream of secrets: its ``SecretStream``, shared by the task that reads requests, the one that waits for
/// updates and the one that answers. A lock isolates the state; the one that answers waits for the bell.
final class SecretSession: Sendable {
  /// What the answering task does next.
  enum Step {
    case act(SecretStream.Action)
    case wait
    /// The client has said all that it wanted and has its answers.
    case finish
  }

  private struct State {
    var stream: SecretStream
    var isClosed = false
    var failure: (any Error)?
  }
  private let state: Mutex<State>
  private let nonce: @Sendable () -> UInt32
  let bell = Wakeup()

  init(_ names: SecretNames, nonce: @escaping @Sendable () -> UInt32) {
    state = Mutex(State(stream: SecretStream(names)))
    self.nonce = nonce
  }

  /// What to log about the request, and who sent it.
  func receive(_ request: SecretRequest) -> (notes: [SecretStream.Note], node: EnvoyNode?) {
    let result = state.withLock { ($0.stream.receive(request), $0.stream.node) }
    bell.ring()
    return result
  }

  func receive(_ update: WorkloadUpdate) {
    state.withLock { $0.stream.receive(update) }
    bell.ring()
  }

  func lookedAgain() { state.withLock { $0.stream.lookedAgain() } }

  /// There are no more requests; `failure` says why, if that was not the client's wish.
  func close(_ failure: (any Error)? = nil) {
    state.withLock { state in
      state.isClosed = true
      state.failure = failure
    }
    bell.ring()
  }

  func next() throws -> Step {
    try state.withLock { state in
      if let failure = state.failure { throw failure }
      if let action = state.stream.next(nonce: nonce) { return .act(action) }
      return state.isClosed && !state.stream.isUnanswered ? .finish : .wait
    }
  }
}
