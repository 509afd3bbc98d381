import FoundationEssentials
import RPC
import SPIFFE
import Synchronization

/// One watch stream of an agent, or what is left of it for the next one: its ``WatchState`` and the bell of its task.
///
/// The keeper of the models marks changes, the stream's reader what the agent says, the stream's writer waits. A mutex
/// guards it; it is taken inside of the keeper's and takes no other.
final class AgentWatcher: Sendable {
  let agent: SPIFFEID
  /// When the SVID ends with which the agent opened the stream.
  let expiresAt: Date
  let openSince: Date

  private struct State {
    var watch = WatchState()
    var mustAuthorize = false
    var failure: RPCFailure?
    var lastHeard: Date
    var isRung = false
    var waiter: CheckedContinuation<Void, Never>?

    mutating func ring() -> CheckedContinuation<Void, Never>? {
      guard let waiter else {
        isRung = true
        return nil
      }
      self.waiter = nil
      return waiter
    }
  }
  private let state: Mutex<State>

  init(agent: SPIFFEID, expiresAt: Date, now: Date) {
    self.agent = agent
    self.expiresAt = expiresAt
    openSince = now
    state = Mutex(State(lastHeard: now))
  }

  /// A look at how far the agent is.
  var watch: WatchState { state.withLock(\.watch) }
  var lastHeard: Date { state.withLock(\.lastHeard) }

  /// Changes the state and wakes the writer.
  @discardableResult
  func change<T>(_ body: (inout WatchState) -> T) -> T {
    let (result, waiter) = state.withLock { state in
      let result = body(&state.watch)
      return (result, state.ring())
    }
    waiter?.resume()
    return result
  }

  /// Changes the state, which gives the writer nothing to do.
  func note(_ body: (inout WatchState) -> Void) { state.withLock { body(&$0.watch) } }

  /// Takes what is to be sent.
  func take(revision: UInt64) -> WatchState.Work? { state.withLock { $0.watch.take(revision: revision) } }

  /// The agent said something.
  func heard(at now: Date) { state.withLock { $0.lastHeard = now } }

  /// Has the writer ask whether the agent is still welcome.
  func authorizeAgain() { ring { $0.mustAuthorize = true } }

  /// Has the writer end the stream with this.
  func end(_ failure: RPCFailure) { ring { $0.failure = $0.failure ?? failure } }

  private func ring(_ body: (inout State) -> Void) {
    let waiter = state.withLock { state in
      body(&state)
      return state.ring()
    }
    waiter?.resume()
  }

  /// Whether to ask again if the agent is welcome, since this was asked last.
  func takeAuthorization() -> Bool {
    state.withLock { state in
      defer { state.mustAuthorize = false }
      return state.mustAuthorize
    }
  }

  var failure: RPCFailure? { state.withLock(\.failure) }

  /// Returns when something happened since the last call, or the task was cancelled. For one task.
  func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let now = state.withLock { state in
          if state.isRung || Task.isCancelled {
            state.isRung = false
            return true
          }
          state.waiter = continuation
          return false
        }
        if now { continuation.resume() }
      }
    } onCancel: {
      ring { _ in }
    }
  }
}
