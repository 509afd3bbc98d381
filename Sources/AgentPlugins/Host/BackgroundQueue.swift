import Dispatch
import Synchronization

/// A few threads for work that blocks or takes long: account lookups, file digests, RSA keys. Shared by all its
/// callers.
///
/// Jobs wait in line; a job is refused when ``limit`` others wait already, so that a flood of callers cannot pile up
/// memory.
package final class BackgroundQueue: Sendable {
  /// Too many jobs are waiting.
  package struct Full: Error, CustomStringConvertible {
    package let description = "too much work is waiting on this host; try again"
  }

  private struct State {
    var waiting = 0
    var next = 0
  }
  private let lanes: [DispatchQueue]
  private let limit: Int
  private let state = Mutex(State())

  package init(label: String, width: Int = 4, limit: Int = 4096) {
    lanes = (0..<max(1, width)).map { DispatchQueue(label: "\(label)-\($0)") }
    self.limit = limit
  }

  /// The queue that the agent's parts share.
  package static let shared = BackgroundQueue(label: "agent-background")

  /// Runs `work` on one of the threads and returns what it returns.
  package func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    let lane = state.withLock { state -> DispatchQueue? in
      guard state.waiting < limit else { return nil }
      state.waiting += 1
      state.next = (state.next + 1) % lanes.count
      return lanes[state.next]
    }
    guard let lane else { throw Full() }
    return try await withCheckedThrowingContinuation { continuation in
      lane.async { [self] in
        let result = Result { try work() }
        state.withLock { $0.waiting -= 1 }
        continuation.resume(with: result)
      }
    }
  }
}
