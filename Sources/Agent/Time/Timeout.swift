package import Daemon

/// Runs `body`, but no longer than `limit`.
///
/// - Throws: ``AgentError`` `deadlineExceeded` with `message` when the time is over; `body` is cancelled and awaited
///   then.
package func withTimeout<T: Sendable>(
  _ limit: Duration, _ time: any TimeSource, _ message: String, _ body: @escaping @Sendable () async throws -> T
) async throws -> T {
  try await withThrowingTaskGroup(of: T?.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await time.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    guard let first = try await group.next() else { throw CancellationError() }
    guard let result = first else { throw AgentError(.deadlineExceeded, message) }
    return result
  }
}
