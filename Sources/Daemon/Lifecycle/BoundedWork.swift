import Synchronization

/// Runs work that others may keep from ending: no caller waits longer than the deadline, and no more than ``limit`` pieces
/// of it exist, those that were given up included.
///
/// Work that is late is cancelled and left to itself; it counts until it really ends. A lock isolates it; one timer
/// serves all that is under way.
package final class BoundedWork: Sendable {
  /// Why there is no result.
  package enum Failure: Error, Equatable {
    /// The work is not done yet, and was given up.
    case late
    /// As much work as is allowed is under way or hangs.
    case full
    /// The caller was cancelled.
    case cancelled
  }

  private struct Piece {
    let deadline: Duration
    let giveUp: @Sendable (Failure) -> Void
  }

  private struct State {
    var next: UInt64 = 0
    /// What somebody waits for.
    var pieces: [UInt64: Piece] = [:]
    /// All that runs, also what was given up.
    var running = 0
    var hasTimer = false
  }

  package let deadline: Duration
  package let limit: Int
  private let time: any TimeSource
  private let state = Mutex(State())

  package init(deadline: Duration, limit: Int, time: any TimeSource) {
    self.deadline = deadline
    self.limit = limit
    self.time = time
  }

  /// The pieces of work that exist.
  package var count: Int { state.withLock { $0.running } }

  /// Runs `body`.
  package func run<T: Sendable>(_ body: @escaping @Sendable () async -> T) async throws(Failure) -> T {
    let wait = Wait<T>()
    let id = try begin { wait.end(.failure($0)) }
    let task = Task {
      let result = await body()
      state.withLock { $0.running -= 1 }
      wait.end(.success(result))
    }
    let result = await withTaskCancellationHandler {
      await wait.result()
    } onCancel: {
      wait.end(.failure(.cancelled))
    }
    state.withLock { _ = $0.pieces.removeValue(forKey: id) }
    if case .failure = result { task.cancel() }
    return try result.get()
  }

  private func begin(_ giveUp: @escaping @Sendable (Failure) -> Void) throws(Failure) -> UInt64 {
    let (id, needsTimer): (UInt64?, Bool) = state.withLock { state in
      guard state.running < limit else { return (nil, false) }
      state.running += 1
      state.next += 1
      state.pieces[state.next] = Piece(deadline: time.steady + deadline, giveUp: giveUp)
      defer { state.hasTimer = true }
      return (state.next, !state.hasTimer)
    }
    guard let id else { throw .full }
    if needsTimer { Task { await watch() } }
    return id
  }

  /// Gives up what is late, for as long as there is anything. A sleep that is cancelled costs memory until it would have
  /// ended, so there is one for all of the work.
  private func watch() async {
    while let pause = expire() { try? await time.sleep(for: pause) }
  }

  /// How long to sleep; `nil` when nothing is left.
  private func expire() -> Duration? {
    let now = time.steady
    let (late, pause) = state.withLock { state in
      let late = state.pieces.filter { $0.value.deadline <= now }
      for id in late.keys { state.pieces[id] = nil }
      guard let first = state.pieces.values.map(\.deadline).min() else {
        state.hasTimer = false
        return (Array(late.values), nil as Duration?)
      }
      return (Array(late.values), first - now)
    }
    for piece in late { piece.giveUp(.late) }
    return pause
  }

  /// Who waits for a piece of work: the first end counts.
  private final class Wait<T: Sendable>: Sendable {
    private enum Phase {
      case open
      case waiting(CheckedContinuation<Result<T, Failure>, Never>)
      case ended(Result<T, Failure>)
    }
    private let phase = Mutex(Phase.open)

    func result() async -> Result<T, Failure> {
      await withCheckedContinuation { continuation in
        let end: Result<T, Failure>? = phase.withLock { phase in
          if case .ended(let result) = phase { return result }
          phase = .waiting(continuation)
          return nil
        }
        if let end { continuation.resume(returning: end) }
      }
    }

    func end(_ result: Result<T, Failure>) {
      let waiter: CheckedContinuation<Result<T, Failure>, Never>? = phase.withLock { phase in
        switch phase {
        case .ended: return nil
        case .open:
          phase = .ended(result)
          return nil
        case .waiting(let continuation):
          phase = .ended(result)
          return continuation
        }
      }
      waiter?.resume(returning: result)
    }
  }
}
