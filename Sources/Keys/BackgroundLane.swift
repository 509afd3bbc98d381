import Dispatch
import Synchronization

/// A bounded number of queues for the work of callers who have not proved anything yet: whatever they ask for, it takes so
/// many processors at most, and nobody else's work waits behind it. A ``Pass`` of it is set as ``BackgroundWork/pass`` of
/// their tasks.
///
/// Work waits in several lines (``WorkLines``), so that who asks for little does not wait behind a crowd that asks for much.
/// A mutex guards them.
package final class BackgroundLane: Sendable {
  /// One caller's way into the lane. Its task may move it to another line between two pieces of work.
  package final class Pass: Sendable {
    fileprivate let lane: BackgroundLane
    private let line: Atomic<Int>

    fileprivate init(_ lane: BackgroundLane, line: Int) {
      self.lane = lane
      self.line = Atomic(line)
    }

    /// From now on the caller's work goes before that of all who have not come so far: it has proved something.
    package func goesFirst() { line.store(WorkLines<Work>.first, ordering: .relaxed) }

    /// The result of `body`, when its turn has come. It is not computed for a task that was cancelled before: whoever
    /// leaves takes what it asked for out of the line.
    func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
      try await lane.run(in: line.load(ordering: .relaxed), body)
    }
  }

  /// A piece of work; called once, with whether it is still wanted.
  fileprivate typealias Work = @Sendable (_ isWanted: Bool) -> Void

  private struct State {
    var lines = WorkLines<Work>()
    var lastTicket: UInt64 = 0
  }

  private let queues: [DispatchQueue]
  private let turn = Atomic<Int>(0)
  private let state = Mutex(State())

  /// - Parameter width: pieces of work at the same time.
  package init(_ label: String, width: Int) {
    queues = (0..<max(1, width)).map { DispatchQueue(label: "\(label).\($0)") }
  }

  /// A way into the lane for a caller that has sent so many bytes, which is how much it asks for.
  package func pass(bytes: Int) -> Pass { Pass(self, line: WorkLines<Work>.line(forBytes: bytes)) }

  /// Pieces of work that wait.
  package var waitingCount: Int { state.withLock { $0.lines.count } }

  private func run<T: Sendable>(in line: Int, _ body: @escaping @Sendable () throws -> T) async throws -> T {
    let ticket = state.withLock {
      $0.lastTicket += 1
      return $0.lastTicket
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<T, any Error>) in
        enter(line, ticket) { isWanted in
          continuation.resume(with: Result { if isWanted { try body() } else { throw CancellationError() } })
        }
      }
    } onCancel: {
      leave(ticket)
    }
  }

  private func enter(_ line: Int, _ ticket: UInt64, _ work: @escaping Work) {
    state.withLock { $0.lines.add(work, ticket, to: line) }
    // Cancelled before it stood in the line, where nobody found it.
    if Task.isCancelled { return leave(ticket) }
    let index = UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(queues.count)
    // Whoever's turn it is then.
    queues[Int(index)].async { [self] in state.withLock { $0.lines.next() }?(true) }
  }

  private func leave(_ ticket: UInt64) {
    state.withLock { $0.lines.remove(ticket) }?(false)
  }
}
